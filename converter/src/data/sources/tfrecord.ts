import { arrayType, byteLength } from '@linnet/schema';
import type { ArrayValue, TensorInfo } from '../../entry-point.js';
import { maskedCrc32c } from '../../wire/crc32c.js';
import { decode } from '../../wire/protobuf.js';
import { Dataset } from '../dataset.js';
import { FileReader } from '../files.js';
import type { ImageReader } from '../image/reader.js';
import { badSample, flatShape, type Origin, type Sample, toInput } from '../sample.js';
import { Example, type Feature } from './example.js';

/** A record starts with its length and that length's checksum. */
const RECORD_HEAD = 12;
const CHECKSUM_BYTES = 4;

/** Larger than any sample; a longer record is damage that the checksum happens to miss. */
const MAX_RECORD_BYTES = 2 ** 30;

/** Whether a file begins with a record: the checksum of the first length is right. */
export function isTfrecord(head: Uint8Array): boolean {
  if (head.length < RECORD_HEAD) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return view.getUint32(8, true) === maskedCrc32c(head.subarray(0, 8));
}

/**
 * The tf.Examples of TFRecord files, one after the other. Inputs are taken from features of the
 * same name; a model with one input also takes the only feature that can be one. A feature is a
 * list of numbers, the bytes of a tensor, or an encoded image.
 *
 * @throws LinnetError IO, or INVALID_ARGUMENT for damage or features that do not fit
 */
export function tfrecordDataset(
  files: readonly string[],
  inputs: readonly TensorInfo[],
  images: ImageReader,
): Dataset<Sample> {
  return new Dataset(async function* () {
    for (const file of files) {
      let index = 0;
      for await (const record of records(file)) {
        const origin = { file, index: index++ };
        const features = readExample(record, origin);
        const values = inputs.map(async (info): Promise<[string, ArrayValue]> => {
          const [part, feature] = featureFor(info, inputs, features, origin);
          return [info.name, await toValue(info, feature, { ...origin, part }, images)];
        });
        yield Object.fromEntries(await Promise.all(values));
      }
    }
  });
}

/** Source: the record format in tensorflow/core/lib/io/record_writer.h. */
async function* records(file: string): AsyncGenerator<Uint8Array> {
  const reader = await FileReader.open(file);
  try {
    for (let offset = 0, index = 0; offset < reader.size; index++) {
      const origin = { file, index };
      const head = await reader.read(offset, RECORD_HEAD);
      if (!isTfrecord(head)) throw badSample(origin, 'the record has a damaged header');
      const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
      if (length > MAX_RECORD_BYTES) throw badSample(origin, `the record has ${length} bytes`);
      const size = Number(length);
      const body = await reader.read(offset + RECORD_HEAD, size + CHECKSUM_BYTES);
      if (body.length < size + CHECKSUM_BYTES) throw badSample(origin, 'the record is cut off');
      const checksum = new DataView(body.buffer, body.byteOffset + size).getUint32(0, true);
      const record = body.subarray(0, size);
      if (checksum !== maskedCrc32c(record)) {
        throw badSample(origin, 'the record is damaged: its checksum does not match');
      }
      yield record;
      offset += RECORD_HEAD + size + CHECKSUM_BYTES;
    }
  } finally {
    await reader.close();
  }
}

type Features = ReadonlyMap<string, Feature>;

function readExample(record: Uint8Array, origin: Origin): Features {
  try {
    return decode(Example, record, 'the record').features?.feature ?? new Map();
  } catch (cause) {
    throw badSample(
      origin,
      'the record is not a tf.train.Example',
      ['Write records with tf.train.Example(...).SerializeToString().'],
      cause,
    );
  }
}

function featureFor(
  info: TensorInfo,
  inputs: readonly TensorInfo[],
  features: Features,
  origin: Origin,
): readonly [string, Feature] {
  const named = features.get(info.name);
  if (named !== undefined) return [info.name, named];
  const candidates = [...features].filter(([, feature]) => canBe(info, feature));
  const [only] = candidates;
  if (inputs.length === 1 && only !== undefined && candidates.length === 1) return only;
  throw badSample(origin, `there is no feature ${info.name}`, [
    `The example has: ${[...features.keys()].join(', ') || 'no features'}.`,
    ...(candidates.length > 1
      ? [`Any of ${candidates.map(([name]) => name).join(', ')} could be the input.`]
      : []),
    'Name the features after the inputs.',
  ]);
}

function canBe(info: TensorInfo, { bytes, floats, ints }: Feature): boolean {
  if (bytes !== undefined) return bytes.value.length === 1 && info.shape.length > 1;
  const values = floats?.value ?? ints?.value ?? [];
  return values.length > 0 && flatShape(info, values.length) !== undefined;
}

async function toValue(
  info: TensorInfo,
  { bytes, floats, ints }: Feature,
  origin: Origin,
  images: ImageReader,
): Promise<ArrayValue> {
  if (floats !== undefined) {
    const data = Float32Array.from(floats.value);
    return toInput(info, { dtype: 'float32', shape: shapeOf(info, data.length), data }, origin);
  }
  if (ints !== undefined) {
    const data = BigInt64Array.from(ints.value);
    return toInput(info, { dtype: 'int64', shape: shapeOf(info, data.length), data }, origin);
  }
  const values = bytes?.value ?? [];
  if (info.dtype === 'string') {
    const shape = shapeOf(info, values.length);
    return toInput(info, { dtype: 'string', shape, data: values }, origin);
  }
  const [content] = values;
  if (content === undefined) throw badSample(origin, 'the feature is empty');
  if (values.length > 1) throw badSample(origin, `the feature holds ${values.length} byte strings`);
  return images.recognizes(content)
    ? images.toInput(info, content, origin)
    : toInput(info, tensorOf(info, content, origin), origin);
}

/** The elements of a tensor in their own bytes, little-endian, as tf.io.decode_raw reads them. */
function tensorOf(info: TensorInfo, content: Uint8Array, origin: Origin): ArrayValue {
  const array = arrayType(info.dtype);
  const width = byteLength(info.dtype, 1);
  if (array === null || content.length % width !== 0) {
    throw badSample(
      origin,
      `its ${content.length} bytes are neither a JPEG or PNG image nor ${info.dtype} elements`,
    );
  }
  const data = new array(content.slice().buffer);
  return { dtype: info.dtype, shape: shapeOf(info, content.length / width), data };
}

/** Features are flat. Where the input cannot take that many elements, toInput says so. */
function shapeOf(info: TensorInfo, count: number): readonly number[] {
  return flatShape(info, count) ?? [count];
}
