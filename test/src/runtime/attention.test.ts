/** Attention in the forms that converters write: that planning makes one node of it, and when not. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadModel } from '@linnet/runtime-web';
import {
  BATCH,
  build,
  COLUMNS,
  DEPTH,
  FORMS,
  type Form,
  HEADS,
  INPUTS,
  masked,
  ROWS,
  WIDTH,
  wave,
} from './attention-forms.js';
import { file, graph, node, tensor } from './models.js';

/** The output in float64, [batch, rows, width]. */
function expected(form: Form): number[] {
  const [heads, depth] = form.isWhole ? [1, WIDTH] : [HEADS, DEPTH];
  const range = (length: number) => Array.from({ length }, (_, i) => i);
  const at = (input: 0 | 1 | 2, b: number, token: number, channel: number) => {
    const tokens = input === 0 ? ROWS : COLUMNS;
    return INPUTS[input][(b * tokens + token) * WIDTH + channel] as number;
  };
  return range(BATCH).flatMap((b) =>
    range(ROWS).flatMap((row) =>
      range(heads).flatMap((head) => {
        const scores = range(COLUMNS).map((column) => {
          const products = range(depth).map((i) => {
            const channel = head * depth + i;
            return at(0, b, row, channel) * at(1, b, column, channel);
          });
          const product = products.reduce((sum, x) => sum + x, 0);
          return product * (form.scale ?? 1) + masked(form.mask, row, column);
        });
        const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        return range(depth).map((i) =>
          weights.reduce(
            (sum, weight, column) => sum + (weight / total) * at(2, b, column, head * depth + i),
            0,
          ),
        );
      }),
    ),
  );
}

suite('attention', () => {
  for (const form of FORMS) {
    test(form.name, async () => {
      using model = await loadModel(build(form), { threads: 1 });
      const ops = model.info.ops.map(({ op }) => op).filter((op) => op !== 'RESHAPE');
      assert.deepEqual(ops.toSorted(), [...form.ops].sort());
      const { data } = Object.values(await model.run([...INPUTS]))[0] as { data: unknown };
      const exact = expected(form);
      (data as Float32Array).forEach((value, i) => {
        const error = Math.abs(value - (exact[i] as number));
        assert.ok(error < 1e-6, `${i}: ${value}, not ${exact[i]}`);
      });
    });
  }

  test('scores of long sequences are never there as a whole', async () => {
    const tokens = 512;
    const shape = [1, tokens, 8];
    const tensors = [
      tensor('x', 'float32', shape),
      tensor('scores', 'float32', [1, tokens, tokens]),
      tensor('weights', 'float32', [1, tokens, tokens]),
      tensor('y', 'float32', shape),
    ];
    const operators = [
      node('BATCH_MATMUL', [0, 0], [1], { adjY: true }),
      node('SOFTMAX', [1], [2], { beta: 1 }),
      node('BATCH_MATMUL', [2, 0], [3]),
    ];
    const bytes = file([graph({ tensors, operators, inputs: [0], outputs: [3] })]);
    using model = await loadModel(bytes, { threads: 1 });
    await model.run([wave(tokens * 8, 0.1)]);
    assert.ok(model.info.memory.arena < (4 * tokens * tokens) / 4);
  });
});
