import { LinnetError } from '@linnet/schema';
import type { Program } from '../graph/graph.js';
import { floats } from '../passes/match.js';
import { DYNAMIC_RANGE, type WeightPolicy } from './policy.js';

export function isFiniteThroughout(elements: Float32Array): boolean {
  return elements.every((value) => Number.isFinite(value));
}

/**
 * Refuses weights that no scale can hold.
 *
 * @throws LinnetError INVALID_MODEL naming all weights that hold NaN or infinities
 */
export function requireFiniteWeights({ graphs }: Program): void {
  const found = new Set<string>();
  for (const graph of graphs) {
    for (const { op, name, inputs } of graph.nodes) {
      const policy = (DYNAMIC_RANGE as Readonly<Record<string, WeightPolicy>>)[op];
      for (const index of policy?.weights ?? []) {
        const id = inputs[index] ?? null;
        const elements = id === null ? undefined : floats(graph, id);
        if (elements === undefined || isFiniteThroughout(elements)) continue;
        found.add(`${graph.tensor(id!).name} of ${op} ${name}`);
      }
    }
  }
  if (found.size === 0) return;
  throw new LinnetError(
    'INVALID_MODEL',
    `${found.size} weight tensors hold NaN or infinities and cannot be quantized`,
    {},
    [...found, 'Training has diverged there; quantize an earlier checkpoint.'],
  );
}
