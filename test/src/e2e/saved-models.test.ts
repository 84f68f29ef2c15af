/** SavedModels that others wrote, against what TensorFlow answers for them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ConvertOptions, convert, LinnetError } from '@linnet/converter';
import { loadModel, type ModelInputs } from '@linnet/runtime-web';
import { needsShared, shared } from '../support/paths.js';

interface Call {
  readonly signature: string;
  readonly inputs: ModelInputs;
  readonly outputs: Readonly<Record<string, readonly number[]>>;
}

interface Expectation {
  /** Runs in this order on one model, whose variables live on. */
  readonly calls: readonly Call[];
  /** Signatures that cannot be converted, and what the report says of each. */
  readonly leftOut?: Readonly<Record<string, RegExp>>;
  readonly options?: ConvertOptions;
  /** Why it is refused without `options`. */
  readonly refused?: RegExp;
}

const call = (signature: string, inputs: ModelInputs, outputs: Call['outputs']): Call => ({
  signature,
  inputs,
  outputs,
});

const UNKNOWN_RANK = /may have any number of dimensions/;
const PARSES_EXAMPLES = /1 TensorFlow op that cannot be converted/;

const EXPECTED: Readonly<Record<string, Expectation>> = {
  serving_saved_model_counter: {
    calls: [
      call('get_counter', [], { output: [0] }),
      call('incr_counter', [], { output: [1] }),
      call('incr_counter', [], { output: [2] }),
      call('get_counter', [], { output: [2] }),
      call('reset_counter', [], { output: [0] }),
      call('get_counter', [], { output: [0] }),
    ],
    leftOut: { incr_counter_by: UNKNOWN_RANK },
  },
  serving_saved_model_half_plus_two_cpu: {
    calls: [
      call('serving_default', { x: { data: [1, 2, 5], shape: [3, 1] } }, { y: [2.5, 3, 4.5] }),
      call('regress_x2_to_y3', [[1, 2, 5]], { outputs: [3.5, 4, 5.5] }),
    ],
    leftOut: {
      classify_x_to_y: UNKNOWN_RANK,
      regress_x_to_y: UNKNOWN_RANK,
      regress_x_to_y2: UNKNOWN_RANK,
    },
  },
  serving_saved_model_half_plus_two_tf2_cpu: {
    calls: [
      call('serving_default', { x: [4] }, { y: [4] }),
      call('classify_x2_to_y3', [[4]], { scores: [5] }),
      call('regress_x2_to_y3', [[4]], { outputs: [5] }),
    ],
    leftOut: {
      classify_x_to_y: PARSES_EXAMPLES,
      regress_x_to_y: PARSES_EXAMPLES,
      regress_x_to_y2: PARSES_EXAMPLES,
    },
  },
  serving_saved_model_half_plus_three: {
    refused: UNKNOWN_RANK,
    options: { inputShapes: { x: [-1] } },
    calls: [call('serving_default', { x: [1, 2, 5] }, { y: [3.5, 4, 5.5] })],
    leftOut: { 'tensorflow/serving/regress': UNKNOWN_RANK },
  },
  tfjs_int64_multiply: {
    calls: [call('serving_default', { x: [3n, -5n] }, { output_0: [18, -30] })],
  },
  tfjs_model_multi_output: {
    calls: [call('serving_default', { x: [3], y: [5] }, { output_0: [6], output_1: [5] })],
  },
  tfjs_module_with_multiple_signatures: {
    calls: [
      call('serving_default', { x: [3] }, { output_0: [9] }),
      call('timestwo', { x: [3] }, { output_0: [6] }),
    ],
  },
  tfjs_times_three_float: { calls: [call('serving_default', { x: [3] }, { output_0: [9] })] },
};

suite('SavedModels of others', () => {
  for (const [name, { calls, leftOut = {}, options = {}, refused }] of Object.entries(EXPECTED)) {
    const folder = `conformance/saved-models/${name}`;
    test(name, needsShared(folder), async () => {
      if (refused !== undefined) {
        await assert.rejects(convert(shared(folder)), (error: unknown) => {
          assert.ok(error instanceof LinnetError && error.code === 'UNSUPPORTED', String(error));
          assert.match(error.format(), refused);
          assert.match(error.format(), /--input-shape/);
          return true;
        });
      }
      const { bytes, report } = await convert(shared(folder), options);
      for (const [key, reason] of Object.entries(leftOut)) {
        const note = report.notes.find((text) => text.startsWith(`signature ${key} `));
        assert.match(note ?? '', reason, key);
      }
      using model = await loadModel(bytes);
      for (const { signature, inputs, outputs } of calls) {
        const results = await model.run(inputs, { signature });
        const found = Object.entries(results).map(([output, { data }]) => [
          output,
          Array.from(data as never, Number),
        ]);
        assert.deepEqual(Object.fromEntries(found), outputs, signature);
      }
      assert.deepEqual(
        model.signatures.map(({ key }) => key).sort(),
        [...new Set(calls.map(({ signature }) => signature))].sort(),
      );
    });
  }
});
