/**
 * Which checkpoint tensor each variable is restored from.
 *
 * TensorFlow's saver adds a restore operation to the graph: RestoreV2 reads named tensors, and
 * assignments store them into variables (TF1: Assign to a VariableV2; TF2: AssignVariableOp to a
 * VarHandleOp, inside a function). Reading that graph works for all versions and all savers.
 */
import { LinnetError } from '@linnet/schema';
import { throwIfAborted } from '../../abort.js';
import type { Bundle } from './checkpoint/bundle.js';
import { parseSliceSpec } from './checkpoint/slice.js';
import type { FlatGraph } from './flatten.js';
import { origin, type TfNode, type TfRef } from './node.js';
import { topologicalOrder } from './order.js';
import { type TfTensor, widen } from './tensor.js';

const VARIABLE_OPS: ReadonlySet<string> = new Set([
  'VarHandleOp',
  'Variable',
  'VariableV2',
  'TemporaryVariable',
]);
const RESTORING_OPS: ReadonlySet<string> = new Set(['Assign', 'AssignVariableOp']);

/** What a variable is restored from: a checkpoint tensor, or a part of one. */
export interface Restored {
  readonly key: string;
  /** As RestoreV2 says it; empty for the whole tensor. */
  readonly slice: string;
}

export function isVariable(node: TfNode): boolean {
  return VARIABLE_OPS.has(node.op);
}

/** The variable that a reference leads to, when it is one. */
export function variableOf(ref: TfRef): TfNode | undefined {
  const { node } = origin(ref);
  return isVariable(node) ? node : undefined;
}

/** Finds the checkpoint tensor of every variable that the restore operation assigns. */
export function restoredVariables(
  graph: FlatGraph,
  restoreOp: string,
): ReadonlyMap<string, Restored> {
  const restored = new Map<string, Restored>();
  for (const node of topologicalOrder([], graph.operation(restoreOp))) {
    if (!RESTORING_OPS.has(node.op) || node.inputs.length < 2) continue;
    const variable = variableOf(node.inputs[0]!);
    const source = origin(node.inputs[1]!);
    if (variable === undefined || source.node.op !== 'RestoreV2') continue;
    const key = stringConstant(source.node.inputs[1], source.index);
    const slice = stringConstant(source.node.inputs[2], source.index);
    restored.set(variable.name, { key, slice });
  }
  return restored;
}

/**
 * Reads the values of variables, by name, widened to the dtypes that graphs compute in.
 *
 * @throws LinnetError INVALID_MODEL when one has no value in the checkpoint
 */
export async function readVariables(
  variables: readonly TfNode[],
  restored: ReadonlyMap<string, Restored>,
  bundle: Bundle | null,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, TfTensor>> {
  const values = new Map<string, TfTensor>();
  const read = new Map<string, TfTensor>();
  for (const variable of variables) {
    throwIfAborted(signal);
    const from = restored.get(variable.name);
    if (from === undefined || bundle === null || !bundle.has(from.key)) {
      throw missing(variable, from, bundle);
    }
    const id = `${from.key}\n${from.slice}`;
    const value = read.get(id) ?? widen(await bundle.read(from.key, parseSliceSpec(from.slice)));
    read.set(id, value);
    values.set(variable.name, value);
  }
  return values;
}

function missing({ name, op }: TfNode, from: Restored | undefined, bundle: Bundle | null) {
  const [what, remedy] =
    bundle === null
      ? [
          `the model has no checkpoint that holds the variable ${name}`,
          'Keep the folder variables/ beside saved_model.pb, or freeze the graph.',
        ]
      : [
          from === undefined
            ? `nothing restores the variable ${name}`
            : `the checkpoint has no tensor ${from.key} for the variable ${name}`,
          'Save the model again with its variables initialized.',
        ];
  return new LinnetError('INVALID_MODEL', what, { node: name, op }, [remedy]);
}

function stringConstant(ref: TfRef | undefined, index: number): string {
  const node = ref === undefined ? undefined : origin(ref).node;
  const strings = node?.op === 'Const' ? node.attrs.tensor('value').stringVal : [];
  return new TextDecoder().decode(strings[index] ?? strings.at(-1) ?? new Uint8Array(0));
}
