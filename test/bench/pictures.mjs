/** Crops of real pictures as an ImageNet net takes them: to calibrate on, and others to judge by. */
import { readFileSync } from 'node:fs';
import { decodePicture } from '../../converter/dist/data/image/decode.js';
import { resample } from '../../converter/dist/data/image/resample.js';
import { Dataset } from '../../converter/dist/data/index.js';
import { seededRandom } from '../../converter/dist/verify/random-inputs.js';

const IMAGES = new URL('../../../shared/images/', import.meta.url);

/** The real net that takes such crops; it is not a part of the repository. */
export const MOBILENET = new URL(
  '../../../shared/models/mobilenet_v2_1.0_224_float.tflite',
  import.meta.url,
);

/** Samples to calibrate on, and others to judge by, for an input of that name. */
export async function mobilenetSamples(name) {
  return {
    data: await cropsOf(['cat_224.rgb', 'hot_dog.jpg', 'parrot.jpg'], 12, name, 1),
    judged: Dataset.from(await cropsOf(['grace_hopper_224.rgb'], 24, name, 2)),
  };
}

const SIDE = 224;

async function open(name) {
  const bytes = readFileSync(new URL(name, IMAGES));
  if (!name.endsWith('.rgb')) return decodePicture(bytes);
  const data = new Uint8ClampedArray(4 * SIDE * SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) data.set(bytes.subarray(3 * i, 3 * i + 3), 4 * i);
  return { width: SIDE, height: SIDE, data };
}

/** A square of 0.5 to 1 of the shorter side, anywhere, mirrored in half of the cases. */
function crop({ width, height, data }, random) {
  const side = Math.floor(Math.min(width, height) * (0.5 + 0.5 * random()));
  const left = Math.floor(random() * (width - side + 1));
  const top = Math.floor(random() * (height - side + 1));
  const isMirrored = random() < 0.5;
  const cut = new Uint8ClampedArray(4 * side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const from = (top + y) * width + left + (isMirrored ? side - 1 - x : x);
      cut.set(data.subarray(4 * from, 4 * from + 4), 4 * (y * side + x));
    }
  }
  return { width: side, height: side, data: cut };
}

/** `count` crops of each picture, as float32 [1, 224, 224, 3] from -1 to 1 for the input `name`. */
async function cropsOf(pictures, count, name, seed) {
  const random = seededRandom(seed);
  const samples = [];
  for (const file of pictures) {
    const picture = await open(file);
    for (let i = 0; i < count; i++) {
      const { data } = resample(crop(picture, random), { width: SIDE, height: SIDE }, 'crop', 1);
      const scaled = data.map((value) => value / 127.5 - 1);
      samples.push({ [name]: { dtype: 'float32', shape: [1, SIDE, SIDE, 3], data: scaled } });
    }
  }
  return samples;
}
