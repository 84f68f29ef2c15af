import type { Range } from '../calibrate/range.js';
import type { Graph, Node, Program, TensorId } from '../graph/graph.js';
import { PatchBuilder } from '../graph/patch.js';
import { type DriverOptions, type RewriteLog, rewrite } from '../passes/driver.js';
import { defineRule, type Rule } from '../passes/rule.js';
import type { GraphRanges } from './index.js';
import { joined, rangeStored } from './ranges.js';

/** The range that a node rounds its input to, where the node does nothing else; null for others. */
function ownRange(
  graph: Graph,
  node: Node,
): { readonly of: TensorId; readonly range: Range } | null {
  if (node.op === 'FAKE_QUANT') {
    const { min, max } = node.options;
    return { of: node.inputs[0]!, range: { min, max } };
  }
  if (node.op !== 'DEQUANTIZE') return null;
  const producer = graph.producer(node.inputs[0]!);
  if (producer?.op !== 'QUANTIZE') return null;
  const { dtype, quantization } = graph.tensor(node.inputs[0]!);
  const of = producer.inputs[0]!;
  const isPair = graph.tensor(of).dtype === 'float32' && (dtype === 'int8' || dtype === 'int16');
  if (!isPair || quantization?.kind !== 'affine' || quantization.scale.length !== 1) return null;
  return { of, range: rangeStored(quantization, dtype) };
}

/** Whether a model states ranges itself: it was trained to be quantized. */
export function hasOwnRanges({ graphs }: Program): boolean {
  return graphs.some((graph) => [...graph.nodes].some((node) => ownRange(graph, node) !== null));
}

/**
 * Takes out of a program the ops that round activations to ranges: FAKE_QUANT, and QUANTIZE before
 * DEQUANTIZE. Rounded weights have become constants on their grid, which quantizeSymmetric finds.
 *
 * @returns the ranges, of the values that were rounded
 */
export function takeOwnRanges(
  program: Program,
  log: RewriteLog,
  options: DriverOptions,
): GraphRanges {
  return new Map(
    program.graphs.map((graph) => {
      const ranges = new Map<TensorId, Range>();
      rewrite(graph, [{ name: 'own ranges', rules: [takeRange(ranges)] }], log, options);
      return [graph, ranges];
    }),
  );
}

function takeRange(ranges: Map<TensorId, Range>): Rule {
  return defineRule({
    name: 'take-own-range',
    rewrite: 'fake_quant(x), dequantize(quantize(x)) -> x, stored in that range',
    roots: ['FAKE_QUANT', 'DEQUANTIZE'],
    rounds: true,
    apply(graph, node) {
      const own = ownRange(graph, node);
      if (own === null) return null;
      const known = ranges.get(own.of);
      ranges.set(own.of, known === undefined ? own.range : joined(known, own.range));
      return new PatchBuilder(graph, node).replace(node.outputs[0]!, own.of).done();
    },
  });
}
