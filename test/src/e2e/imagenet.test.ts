/** Nets trained on ImageNet name what is in two pictures. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadModel, type TypedArray } from '@linnet/runtime-web';
import { normalized, PICTURES, type Picture, pixels, shrunk } from '../support/imagenet.js';
import { bestOfRows, type Elements } from '../support/outputs.js';
import { needsShared, shared } from '../support/paths.js';

interface Net {
  readonly file: string;
  readonly input: (rgb: Uint8Array) => TypedArray;
  /** Classes that are right, by picture. */
  readonly right: Readonly<Partial<Record<Picture, readonly number[]>>>;
}

const EXACT = { cat: [PICTURES.cat], grace_hopper: [PICTURES.grace_hopper] };

/** A net this small tells cats from what is no cat, not Egyptian cats from tabbies and tiger cats. */
const ANY_CAT = { cat: [282, 283, PICTURES.cat] };

const NETS: readonly Net[] = [
  { file: 'models/mobilenet_v2_1.0_224_float.tflite', input: normalized, right: EXACT },
  { file: 'models/mobilenet_v2_1.0_224_quant.tflite', input: (rgb) => rgb, right: EXACT },
  {
    file: 'models/mobilenet_v1_0.25_128_quant.tflite',
    input: (rgb) => shrunk(rgb, 128),
    right: ANY_CAT,
  },
];

for (const { file, input, right } of NETS) {
  suite(file, () => {
    for (const threads of [1, 4]) {
      test(`${file} on ${threads} threads`, needsShared(file), async () => {
        using model = await loadModel(shared(file), { threads });
        for (const [picture, classes] of Object.entries(right)) {
          const [scores] = Object.values(await model.run([input(pixels(picture as Picture))]));
          const [best = -1] = bestOfRows(scores as Elements);
          assert.ok(classes.includes(best), `${picture} is taken for class ${best}`);
        }
      });
    }
  });
}
