/** Profiles: that they add up, and that their traces are what viewers read. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LinnetError, loadModel, type Profile, toTrace } from '@linnet/runtime-web';
import { read } from '@linnet/schema';
import { convert } from '../../../converter/dist/convert.js';
import { fixturePath } from '../support/fixtures.js';
import { loop } from './models.js';

const { bytes } = await convert(fixturePath('cnn/export'), {
  optimize: 'none',
  inputShapes: { image: [2, 8, 8, 1] },
});
const image = Float32Array.from({ length: 2 * 8 * 8 }, (_, i) => Math.sin(i));

async function profileOf(threads: number): Promise<Profile> {
  using model = await loadModel(bytes, { threads });
  return await model.profile([image], { runs: 6 });
}

/** Products of convolutions and dense layers, from the file's shapes. */
function multiplyAdds(): number {
  const size = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);
  const [graph] = read(bytes).subgraphs;
  let sum = 0;
  for (const { op, inputs, outputs } of graph?.operators ?? []) {
    if (op !== 'CONV_2D' && op !== 'FULLY_CONNECTED') continue;
    const [weights, output] = [inputs[1], outputs[0]].map(
      (tensor) => graph?.tensors[tensor as number]?.shape as readonly number[],
    ) as [readonly number[], readonly number[]];
    sum += size(output) * size(weights.slice(1));
  }
  return sum;
}

suite('profile', () => {
  for (const threads of [1, 2]) {
    test(`adds up on ${threads} threads`, async () => {
      const { info, latency, total, outside, steps, ops, spans } = await profileOf(threads);
      const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
      assert.ok(latency.minimum > 0 && latency.minimum <= latency.median);
      assert.ok(latency.median <= latency.maximum && latency.mean <= latency.maximum);
      assert.equal(total.multiplyAdds, multiplyAdds());
      for (const parts of [steps, ops]) {
        assert.equal(sum(parts.map((part) => part.multiplyAdds)), total.multiplyAdds);
        assert.equal(sum(parts.map((part) => part.bytes)), total.bytes);
        const inside = sum(parts.map((part) => part.milliseconds));
        assert.ok(Math.abs(inside + outside - total.milliseconds) < 1e-6);
      }
      assert.ok(outside >= 0);
      for (const step of steps) {
        assert.equal(step.calls, 1);
        assert.ok(step.milliseconds >= 0 && step.busy > 0 && step.busy <= 1, step.kernel);
        assert.equal(step.ofPeak === null, step.multiplyAdds === 0);
      }
      assert.equal(spans.length, 3 * steps.length * info.threads);
      for (const { begin, end } of spans) assert.ok(begin >= 0 && begin <= end);
    });
  }

  test('knows the peaks in float32 and int8', async () => {
    const { peakGigaflops, peakGigabytes, gaps, total } = await profileOf(1);
    assert.equal(peakGigabytes, null);
    assert.ok(total.ofBandwidth === null && gaps >= 0 && gaps <= total.milliseconds);
    assert.ok(peakGigaflops !== null && peakGigaflops.float32 > 0 && peakGigaflops.int8 > 0);
    assert.ok(total.ofPeak !== null && total.ofPeak > 0 && total.ofPeak <= 1);
  });

  test('changes no results and goes before later runs', async () => {
    using model = await loadModel(bytes);
    const before = await model.run([image]);
    const profiling = model.profile([image], { runs: 2 });
    const after = await model.run([image]);
    assert.deepEqual(after, before);
    await profiling;
  });

  test('counts the steps of loops as often as they run', async () => {
    using model = await loadModel(loop(5, false));
    const { steps } = await model.profile({ i: [0], v: [1, 3] }, { runs: 4 });
    assert.ok(steps.some(({ calls }) => calls === 5));
  });

  test('refuses a number of runs that is none, and ends with the signal', async () => {
    using model = await loadModel(bytes);
    for (const runs of [0, 1, 2.5, Number.NaN]) {
      await assert.rejects(
        model.profile([image], { runs }),
        (error) => error instanceof LinnetError && error.code === 'INVALID_ARGUMENT',
      );
    }
    await assert.rejects(
      model.profile([image], { signal: AbortSignal.abort() }),
      (error) => error instanceof LinnetError && error.code === 'ABORTED',
    );
  });
});

suite('trace', () => {
  test('has a named track for each thread and spans that do not overlap on it', async () => {
    const profile = await profileOf(2);
    const { traceEvents } = JSON.parse(JSON.stringify(toTrace(profile))) as ReturnType<
      typeof toTrace
    >;
    const names = traceEvents.filter(({ ph }) => ph === 'M');
    assert.deepEqual(
      names.map(({ tid, name }) => [tid, name]),
      Array.from({ length: profile.info.threads }, (_, tid) => [tid, 'thread_name']),
    );
    for (const { tid } of names) {
      let free = 0;
      const track = traceEvents.filter((event) => event.ph === 'X' && event.tid === tid);
      assert.ok(track.length > 0);
      for (const { name, ts, dur = 0 } of track) {
        assert.ok(ts >= free - 1e-3, `${name} begins after what came before`);
        free = ts + dur;
      }
    }
  });
});
