import { loadModel, type TensorInput } from '@linnet/runtime-web';
import {
  type NamedTensor,
  type Operator,
  type Signature,
  type TensorElements,
  UNKNOWN_DIM,
} from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { Dataset } from '../data/dataset.js';
import type { Sample } from '../data/sample.js';
import { isPure } from '../passes/evaluate.js';
import type { SideBySide } from './side-by-side.js';

/** What samples may take in memory between two stretches. */
const MOST_BYTES = 256 * 2 ** 20;

/** How far samples have come in a graph and its twin: what the nodes from `position` on read. */
export interface Front {
  readonly position: number;
  readonly inputs: readonly NamedTensor[];
  /** Values of the inputs by name. */
  readonly samples: Dataset<Sample>;
}

/**
 * Runs the nodes from a front to another one, whose samples are kept in memory. It stays where it is
 * where they would take too much of that, or nodes between the two have a state.
 *
 * @param position of the first node that has not run then
 */
export async function advance(
  front: Front,
  position: number,
  twins: SideBySide,
  signature: Signature,
  { threads = 1, signal }: { readonly threads?: number; readonly signal?: AbortSignal | undefined },
): Promise<Front> {
  if (twins.first.operators.slice(front.position, position).some(hasState)) return front;
  const nameOf = new Map(front.inputs.map(({ tensor, name }) => [tensor, name]));
  const inputs = crossing(twins, position).map((tensor) => ({
    tensor,
    name: nameOf.get(tensor) ?? `front:${tensor}`,
  }));
  const made = inputs.filter(({ tensor }) => !nameOf.has(tensor));
  if (made.length === 0) return front;
  const stretch = { from: front.position, end: position };
  const file = write(twins.stretch(signature, stretch, front.inputs, made));
  const model = await loadModel(file, { threads, signal });
  const samples: Sample[] = [];
  const { size = 0 } = front.samples;
  let bytes = 0;
  try {
    for await (const sample of front.samples.abortable(signal)) {
      const outputs = await model.run(sample as Record<string, TensorInput>, { signal });
      const values = inputs.map(({ name }) => [name, outputs[name] ?? sample[name]!] as const);
      samples.push(Object.fromEntries(values));
      for (const [, { data }] of values) bytes += bytesOf(data);
      const hasDeclaredShapes = made.every(({ name, tensor }) =>
        isOfShape(outputs[name]!.shape, twins.tensor(tensor).shape),
      );
      const expected = bytes * Math.max(1, size / samples.length);
      if (!hasDeclaredShapes || expected > MOST_BYTES) return front;
    }
  } finally {
    model.dispose();
  }
  return { position, inputs, samples: Dataset.from(samples) };
}

/** Whether what a node gives depends on more than what it reads in the same run. */
function hasState(node: Operator): boolean {
  return node.op === null || !isPure(node.op);
}

/** The tensors of both graphs that are there before a node, and are read by it or later ones. */
function crossing(twins: SideBySide, position: number): readonly number[] {
  const { inputs, operators } = twins.first;
  const before = operators.slice(0, position).flatMap((node) => node.outputs);
  const there = new Set([...inputs, ...before]);
  const read = new Set(operators.slice(position).flatMap((node) => node.inputs));
  const own = [...there].filter((tensor) => read.has(tensor));
  return [...new Set([...own, ...own.map((tensor) => twins.twin(tensor))])];
}

/** Whether a shape is one that is declared, in which some dimensions may be open. */
function isOfShape(shape: readonly number[], declared: readonly number[]): boolean {
  return (
    shape.length === declared.length &&
    declared.every((dim, i) => dim === UNKNOWN_DIM || dim === shape[i])
  );
}

function bytesOf(data: TensorElements): number {
  return 'byteLength' in data ? data.byteLength : data.reduce((sum, { length }) => sum + length, 0);
}
