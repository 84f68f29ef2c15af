import { LinnetError } from '@linnet/schema';
import type { Range } from '../calibrate/range.js';
import type { Graph, NodeId, Program, TensorId } from '../graph/graph.js';
import { type DriverOptions, type RewriteLog, rewrite } from '../passes/driver.js';
import { SHARING_RULES } from '../passes/rules/sharing.js';
import { WEIGHT_LIMITS } from './affine.js';
import { dynamicRangeRules, type QuantizedTensor } from './dynamic.js';
import { requireFiniteWeights } from './finite.js';
import { toFloat16 } from './float16.js';
import { type IoType, toIntegers } from './integer.js';
import { compositionRule } from './integer-compositions.js';
import type { FloatNode } from './integer-plan.js';
import { type GraphPrecisions, type NodeStorage, PRECISIONS, type Precision } from './precision.js';

export type { QuantizedTensor } from './dynamic.js';
export { IO_TYPES, type IoType } from './integer.js';
export type { FloatNode } from './integer-plan.js';
export { type GraphPrecisions, PRECISIONS, type Precision } from './precision.js';

/** Ranges of the activations of each graph that was calibrated. */
export type GraphRanges = ReadonlyMap<Graph, ReadonlyMap<TensorId, Range>>;

export interface QuantizeOptions extends DriverOptions {
  /** For modes that are calibrated; graphs that are not in it stay as they are. */
  readonly ranges?: GraphRanges;
  /** Nodes that are stored in another way than the mode says. */
  readonly precisions?: GraphPrecisions;
  /** Consecutive int4 weights of a fully connected op that share a scale; a whole channel by default. */
  readonly blockSize?: BlockSize;
  /** What integer graphs take and give; float32 by default. */
  readonly io?: IoType;
}

export interface Quantization {
  readonly program: Program;
  readonly tensors: readonly QuantizedTensor[];
  /** What stays float32 in an integer mode. */
  readonly floatNodes: readonly FloatNode[];
}

type GraphQuantization = Omit<Quantization, 'program'> & { readonly graph: Graph };

interface Mode {
  /** What all nodes get for which nothing else is chosen. */
  readonly precision: Precision;
  /** Nothing may stay float32. */
  readonly strict?: true;
}

/** How models can be quantized. */
const MODES = {
  /** Everything stays as it is. */
  none: { precision: 'float32' },
  /** int8 weights where stock kernels read them, activations quantized as the model runs. */
  dynamic: { precision: 'dynamic' },
  /** float16 constants, float32 arithmetic. */
  float16: { precision: 'float16' },
  /** As dynamic, with int4 weights where stock kernels read them, by channel or by block. */
  int4: { precision: 'int4' },
  /** int8 weights and activations; ops without an integer form compute in float32, as in dynamic. */
  int8: { precision: 'int8' },
  /** As int8, without exceptions. */
  'int8-strict': { precision: 'int8', strict: true },
  /** As int8, with int4 weights where stock kernels read them. */
  int8x4: { precision: 'int8x4' },
  /** int8 weights, int16 activations, 64-bit biases. */
  int16x8: { precision: 'int16x8' },
} as const satisfies Record<string, Mode>;

export type QuantizeMode = keyof typeof MODES;

export const QUANTIZE_MODES = Object.keys(MODES) as readonly QuantizeMode[];

/** Block sizes that LiteRT's kernels know. */
export const BLOCK_SIZES = [32, 64, 128, 256] as const;
export type BlockSize = (typeof BLOCK_SIZES)[number];

const LEVELS = { float32: undefined, int8: 256, int16: 65536 } as const;

/** The number of levels that a mode's activations have; undefined where it needs no ranges. */
export function activationLevels(mode: QuantizeMode): number | undefined {
  return LEVELS[PRECISIONS[MODES[mode].precision].activations];
}

/** What a mode gives to all nodes. */
export function modePrecision(mode: QuantizeMode): Precision {
  return MODES[mode].precision;
}

/**
 * Quantizes a program; its graphs must not be used afterwards.
 *
 * @throws LinnetError UNSUPPORTED when `int8-strict` meets ops without an integer form, naming all;
 *   INVALID_MODEL for weights that are not finite
 */
export function quantize(
  program: Program,
  mode: QuantizeMode,
  log: RewriteLog,
  options: QuantizeOptions = {},
): Quantization {
  const { precision, strict }: Mode = MODES[mode];
  if (PRECISIONS[precision].weights in WEIGHT_LIMITS) requireFiniteWeights(program);
  const result = eachGraph(program, (graph) => quantizeGraph(graph, precision, log, options));
  if (strict) refuseFloats(result.floatNodes);
  return result;
}

/** First what is computed on integers, then weights of nodes that stay on floats. */
function quantizeGraph(
  graph: Graph,
  precision: Precision,
  log: RewriteLog,
  options: QuantizeOptions,
): GraphQuantization {
  const chosen = options.precisions?.get(graph);
  const { activations: dtype } = PRECISIONS[precision];
  const known = options.ranges?.get(graph);
  const ranges = known && new Map(known);
  const isFloat = (id: NodeId) => PRECISIONS[chosen?.get(id) ?? precision].activations !== dtype;
  if (dtype !== 'float32' && ranges !== undefined) {
    const rules = [compositionRule(ranges, dtype, isFloat)];
    rewrite(graph, [{ name: 'integer compositions', rules }], log, options);
  }
  let storages = new Map<NodeId, NodeStorage>(
    [...graph.nodes].map(({ id }) => [id, PRECISIONS[chosen?.get(id) ?? precision]]),
  );
  let result: GraphQuantization = { graph, tensors: [], floatNodes: [] };
  if (dtype !== 'float32' && ranges !== undefined) {
    const integers = toIntegers(
      graph,
      ranges,
      {
        dtype,
        excludes: ({ id }) => (isFloat(id) ? `chosen to be ${chosen?.get(id)}` : null),
        weights: ({ id }) => (storages.get(id)!.weights === 'int4' ? 'int4' : 'int8'),
      },
      options.io ?? 'float32',
    );
    const { nodes, integerNodes } = integers;
    storages = new Map(
      [...storages].map(([id, storage]) => {
        const isLeft = storage.activations === dtype && !integerNodes.has(id);
        // Weights of ops without an integer form are those of the dynamic mode.
        return [nodes.get(id)!, isLeft ? PRECISIONS.dynamic : storage];
      }),
    );
    result = integers;
  }
  const tensors: QuantizedTensor[] = [];
  const rules = dynamicRangeRules(
    ({ id }) => {
      const { weights, activations } = storages.get(id) ?? PRECISIONS.float32;
      if (activations !== 'float32' || (weights !== 'int8' && weights !== 'int4')) return null;
      const { blockSize } = options;
      return { dtype: weights, ...(weights === 'int4' && blockSize && { block: blockSize }) };
    },
    (tensor) => tensors.push(tensor),
  );
  const phases = [
    { name: 'quantize', rules },
    { name: 'share', rules: SHARING_RULES },
  ];
  rewrite(result.graph, phases, log, options);
  result = { ...result, tensors: [...result.tensors, ...tensors] };
  if (![...storages.values()].some(({ weights }) => weights === 'float16')) return result;
  const half = toFloat16(result.graph, ({ id }) => storages.get(id)?.weights === 'float16');
  return { ...result, ...half, tensors: [...result.tensors, ...half.tensors] };
}

function refuseFloats(floatNodes: readonly FloatNode[]): void {
  if (floatNodes.length === 0) return;
  throw new LinnetError(
    'UNSUPPORTED',
    `${floatNodes.length} ops cannot be computed on integers`,
    {},
    [
      ...floatNodes.map(({ node, op, reason }) => `${op} ${node}: ${reason}`),
      'Quantize to int8 instead, which leaves them in float32.',
    ],
  );
}

/** A program of other graphs in the places of the old ones. */
function eachGraph(program: Program, change: (graph: Graph) => GraphQuantization): Quantization {
  const changed = new Map(program.graphs.map((graph) => [graph, change(graph)]));
  const all = [...changed.values()];
  return {
    program: {
      ...program,
      graphs: all.map(({ graph }) => graph),
      signatures: program.signatures.map((signature) => ({
        ...signature,
        graph: changed.get(signature.graph)!.graph,
      })),
    },
    tensors: all.flatMap(({ tensors }) => tensors),
    floatNodes: all.flatMap(({ floatNodes }) => floatNodes),
  };
}
