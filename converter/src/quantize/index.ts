import { LinnetError } from '@linnet/schema';
import type { Range } from '../calibrate/range.js';
import type { Graph, Program, TensorId } from '../graph/graph.js';
import { type DriverOptions, type RewriteLog, rewrite } from '../passes/driver.js';
import { dynamicRangeRules, type QuantizedTensor } from './dynamic.js';
import { toFloat16 } from './float16.js';
import { type IoType, toIntegers } from './integer.js';
import type { FloatNode } from './integer-plan.js';
import type { ActivationDType } from './ranges.js';

export type { QuantizedTensor } from './dynamic.js';
export { IO_TYPES, type IoType } from './integer.js';
export type { FloatNode } from './integer-plan.js';

/** Ranges of the activations of each graph that was calibrated. */
export type GraphRanges = ReadonlyMap<Graph, ReadonlyMap<TensorId, Range>>;

export interface QuantizeOptions extends DriverOptions {
  /** For modes that are calibrated; graphs that are not in it stay as they are. */
  readonly ranges?: GraphRanges;
  /** What integer graphs take and give; float32 by default. */
  readonly io?: IoType;
}

export interface Quantization {
  readonly program: Program;
  readonly tensors: readonly QuantizedTensor[];
  /** What stays float32 in an integer mode. */
  readonly floatNodes: readonly FloatNode[];
}

interface Mode {
  /** Levels of the activations, for the modes that need their ranges. */
  readonly levels?: number;
  run(program: Program, log: RewriteLog, options: QuantizeOptions): Quantization;
}

/** How models can be quantized. */
const MODES = {
  /** Everything stays as it is. */
  none: { run: (program) => ({ program, tensors: [], floatNodes: [] }) },
  /** int8 weights where stock kernels read them, activations quantized as the model runs. */
  dynamic: { run: dynamicRange },
  /** float16 constants, float32 arithmetic. */
  float16: {
    run: (program) => eachGraph(program, (graph) => ({ floatNodes: [], ...toFloat16(graph) })),
  },
  /** int8 weights and activations; float32 for ops that have no integer form. */
  int8: { levels: 256, run: integer('int8') },
  /** As int8, without exceptions. */
  'int8-strict': { levels: 256, run: strict(integer('int8')) },
  /** int8 weights, int16 activations, 64-bit biases. */
  int16x8: { levels: 65536, run: integer('int16') },
} as const satisfies Record<string, Mode>;

export type QuantizeMode = keyof typeof MODES;

export const QUANTIZE_MODES = Object.keys(MODES) as readonly QuantizeMode[];

/** The number of levels that a mode's activations have; undefined where it needs no ranges. */
export function activationLevels(mode: QuantizeMode): number | undefined {
  const { levels }: Mode = MODES[mode];
  return levels;
}

/**
 * Quantizes a program; its graphs must not be used afterwards.
 *
 * @throws LinnetError UNSUPPORTED when `int8-strict` meets ops without an integer form, naming all
 */
export function quantize(
  program: Program,
  mode: QuantizeMode,
  log: RewriteLog,
  options: QuantizeOptions = {},
): Quantization {
  return MODES[mode].run(program, log, options);
}

function dynamicRange(program: Program, log: RewriteLog, options: QuantizeOptions): Quantization {
  const tensors: QuantizedTensor[] = [];
  const rules = dynamicRangeRules((tensor) => tensors.push(tensor));
  for (const graph of program.graphs) {
    rewrite(graph, [{ name: 'quantize', rules }], log, options);
  }
  return { program, tensors, floatNodes: [] };
}

function integer(dtype: ActivationDType): Mode['run'] {
  return (program, _log, { ranges, io = 'float32' }) =>
    eachGraph(program, (graph) => {
      const known = ranges?.get(graph);
      return known === undefined
        ? { graph, tensors: [], floatNodes: [] }
        : toIntegers(graph, known, dtype, io);
    });
}

function strict(run: Mode['run']): Mode['run'] {
  return (program, log, options) => {
    const result = run(program, log, options);
    const { floatNodes } = result;
    if (floatNodes.length === 0) return result;
    throw new LinnetError(
      'UNSUPPORTED',
      `${floatNodes.length} ops cannot be computed on integers`,
      {},
      [
        ...floatNodes.map(({ node, op, reason }) => `${op} ${node}: ${reason}`),
        'Quantize to int8 instead, which leaves them in float32.',
      ],
    );
  };
}

/** A program of other graphs in the places of the old ones. */
function eachGraph(
  program: Program,
  change: (graph: Graph) => Omit<Quantization, 'program'> & { readonly graph: Graph },
): Quantization {
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
