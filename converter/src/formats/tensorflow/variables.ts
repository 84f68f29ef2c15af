/**
 * Which checkpoint tensor each variable is restored from.
 *
 * TensorFlow's saver adds a restore operation to the graph: RestoreV2 reads named tensors, and
 * assignments store them into variables (TF1: Assign to a VariableV2; TF2: AssignVariableOp to a
 * VarHandleOp, inside a function). Reading that graph works for all versions and all savers.
 */
import { LinnetError } from '@linnet/schema';
import type { Bundle } from './checkpoint/bundle.js';
import { parseSliceSpec } from './checkpoint/slice.js';
import { type FlatGraph, origin, type TfNode, type TfRef } from './flatten.js';
import { topologicalOrder } from './order.js';
import { type TfTensor, tensorFromProto } from './tensor.js';

const VARIABLE_OPS: ReadonlySet<string> = new Set([
  'VarHandleOp',
  'Variable',
  'VariableV2',
  'TemporaryVariable',
]);
const RESTORING_OPS: ReadonlySet<string> = new Set(['Assign', 'AssignVariableOp']);

/** What a variable is restored from: a checkpoint tensor, or a part of one. */
interface Restored {
  readonly key: string;
  readonly slice: string;
}

export function isVariable(node: TfNode): boolean {
  return VARIABLE_OPS.has(node.op);
}

/** Finds the checkpoint tensor of every variable that the restore operation assigns. */
export function restoredVariables(
  graph: FlatGraph,
  restoreOp: string,
): ReadonlyMap<TfNode, Restored> {
  const restored = new Map<TfNode, Restored>();
  for (const node of topologicalOrder([], graph.operation(restoreOp))) {
    if (!RESTORING_OPS.has(node.op) || node.inputs.length < 2) continue;
    const variable = origin(node.inputs[0]!).node;
    const source = origin(node.inputs[1]!);
    if (!isVariable(variable) || source.node.op !== 'RestoreV2') continue;
    const key = stringConstant(source.node.inputs[1], source.index);
    const slice = stringConstant(source.node.inputs[2], source.index);
    restored.set(variable, { key, slice });
  }
  return restored;
}

/**
 * Reads the values of variables.
 *
 * @throws LinnetError INVALID_MODEL when one has no value in the checkpoint
 */
export async function readVariables(
  variables: readonly TfNode[],
  restored: ReadonlyMap<TfNode, Restored>,
  bundle: Bundle | null,
  signal?: AbortSignal,
): Promise<ReadonlyMap<TfNode, TfTensor>> {
  const values = new Map<TfNode, TfTensor>();
  const read = new Map<string, TfTensor>();
  for (const variable of variables) {
    signal?.throwIfAborted();
    const from = restored.get(variable);
    if (from === undefined || bundle === null || !bundle.has(from.key)) {
      throw new LinnetError(
        'INVALID_MODEL',
        from === undefined
          ? `nothing restores the variable ${variable.name}`
          : `the checkpoint has no tensor ${from.key} for the variable ${variable.name}`,
        { node: variable.name, op: variable.op },
        [
          bundle === null
            ? 'The model has no variables folder; keep variables/ beside saved_model.pb, or freeze the graph.'
            : 'Save the model again with its variables initialized.',
        ],
      );
    }
    const id = `${from.key}\n${from.slice}`;
    const value = read.get(id) ?? (await bundle.read(from.key, parseSliceSpec(from.slice)));
    read.set(id, value);
    values.set(variable, value);
  }
  return values;
}

function stringConstant(ref: TfRef | undefined, index: number): string {
  const node = ref === undefined ? undefined : origin(ref).node;
  const strings = node?.op === 'Const' ? node.attrs.tensor('value').stringVal : [];
  return new TextDecoder().decode(strings[index] ?? strings.at(-1) ?? new Uint8Array(0));
}

/** The tensor of a Const node. */
export function constantTensor(node: TfNode): TfTensor {
  return tensorFromProto(node.attrs.tensor('value'), `the constant ${node.name}`);
}
