/** Masked attention scores keep their steps: the numbers that mask them do not widen their ranges. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Range } from '../../../converter/dist/calibrate/index.js';
import type { TensorId } from '../../../converter/dist/graph/graph.js';
import { RewriteLog } from '../../../converter/dist/passes/driver.js';
import { quantize } from '../../../converter/dist/quantize/index.js';
import { graphOf, type Net } from '../passes/net.js';

const SHAPE = [2, 4, 4];
const SCORES = { min: -3, max: 5 };
const HUGE = -1e9;

/** A way to mask scores, with the ranges of what it computes. */
type Masking = (n: Net, scores: TensorId, ranges: Map<TensorId, Range>) => TensorId;

const MASKINGS: Readonly<Record<string, Masking>> = {
  'a constant that is added': (n, scores) =>
    n.op('ADD', [scores, n.floats([4], [0, 0, HUGE, HUGE])]),
  'a computed mask that is added': (n, scores, ranges) => {
    const hidden = n.input(2, 1, 4);
    ranges.set(hidden, { min: 0, max: 1 });
    const mask = n.op('MUL', [hidden, n.scalar(HUGE)]);
    ranges.set(mask, { min: HUGE, max: 0 });
    return n.op('ADD', [scores, mask]);
  },
  'a number that is chosen': (n, scores) =>
    n.op('SELECT_V2', [n.typed({ dtype: 'bool', shape: [4, 4] }), scores, n.scalar(HUGE)]),
  'a mask before a transposition': (n, scores, ranges) => {
    const masked = n.op('ADD', [scores, n.floats([4], [0, 0, HUGE, HUGE])]);
    ranges.set(masked, { min: HUGE, max: SCORES.max });
    return n.op('TRANSPOSE', [masked, n.ints(1, 0, 2)]);
  },
};

suite('masks before a softmax', () => {
  for (const [name, mask] of Object.entries(MASKINGS)) {
    test(name, () => {
      const ranges = new Map<TensorId, Range>();
      const graph = graphOf((n) => {
        const scores = n.input(...SHAPE);
        ranges.set(scores, SCORES);
        const masked = mask(n, scores, ranges);
        ranges.set(masked, { min: HUGE, max: SCORES.max });
        const shares = n.op('SOFTMAX', [masked], { beta: 1 });
        ranges.set(shares, { min: 0, max: 1 });
        return shares;
      });
      const program = { graphs: [graph], signatures: [], metadata: [], description: '' };
      const options = { ranges: new Map([[graph, ranges]]) };
      const { graphs } = quantize(program, 'int8', new RewriteLog(), options).program;
      const integers = [...graphs[0]!.tensors.values()].filter(({ dtype }) => dtype === 'int8');
      assert.ok(integers.length > 2);
      for (const { name: tensor, quantization } of integers) {
        assert.ok(quantization?.kind === 'affine');
        assert.ok(quantization.scale[0]! < 0.2, `${tensor}: steps of ${quantization.scale[0]}`);
      }
    });
  }
});
