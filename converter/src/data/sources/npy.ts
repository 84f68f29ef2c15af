import { byteLength, type DType, elementCount, LinnetError, type TypedArray } from '@linnet/schema';
import type { ArrayValue, TensorInfo } from '../../entry-point.js';
import { Dataset } from '../dataset.js';
import { FileReader, readWhole } from '../files.js';
import { type NamedArray, readNpy, readNpz } from '../npy.js';
import { type Sample, toInput } from '../sample.js';

/** Archives are unpacked in memory; larger data belongs in a .npy file, which is streamed. */
const MAX_ARCHIVE_BYTES = 2 ** 30;

/** Samples are read from a .npy file in blocks of about this size. */
const BLOCK_BYTES = 2 ** 20;

/** Longer headers than any array needs; NumPy itself refuses them too. */
const MAX_HEADER_BYTES = 2 ** 16;

/** Elements start at multiples of this. */
const ALIGNMENT = 64;

const MAGIC = '\x93NUMPY';

export function isNpy(head: Uint8Array): boolean {
  return MAGIC === String.fromCharCode(...head.subarray(0, MAGIC.length));
}

/** A zip archive starts with its first entry's header. */
export function isNpz(head: Uint8Array): boolean {
  return String.fromCharCode(...head.subarray(0, 4)) === 'PK\x03\x04';
}

/**
 * The slices along the first dimension of a .npy file's array, as samples of a model with one
 * input. The file is streamed.
 *
 * @throws LinnetError IO, or INVALID_ARGUMENT when the file is damaged, empty or of another shape
 */
export async function npyDataset(
  file: string,
  inputs: readonly TensorInfo[],
): Promise<Dataset<Sample>> {
  const [info] = inputs as readonly [TensorInfo];
  if (inputs.length !== 1) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `a .npy file holds one array, but the model has ${inputs.length} inputs`,
      { file },
      [`Give a .npz file with the arrays ${inputs.map(({ name }) => name).join(', ')}.`],
    );
  }
  const reader = await FileReader.open(file);
  const header = await readHeader(reader).finally(() => reader.close());
  return new Dataset(() => walkNpy(header, info), header.count);
}

interface NpyHeader {
  readonly file: string;
  /** The header of a file with one slice, which readNpy can read. */
  readonly slicePrefix: Uint8Array;
  readonly dataOffset: number;
  readonly sliceBytes: number;
  readonly count: number;
}

/** Bytes per element by NumPy's type descriptor without the byte order. */
function itemSize(descriptor: string): number {
  return Number(/\d+$/.exec(descriptor)?.[0] ?? Number.NaN);
}

/** Source: numpy.lib.format, versions 1 to 3. */
async function readHeader(reader: FileReader): Promise<NpyHeader> {
  const { file } = reader;
  const fail = (message: string): LinnetError =>
    new LinnetError('INVALID_ARGUMENT', message, { file }, [
      'Write it with numpy.save(file, array), samples along the first dimension.',
    ]);
  const head = await reader.read(0, 12);
  if (!isNpy(head) || head.length < 12) throw fail('not a readable .npy array');
  const view = new DataView(head.buffer, head.byteOffset);
  const [start, length] =
    view.getUint8(6) === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (length > MAX_HEADER_BYTES) throw fail(`its header has ${length} bytes`);
  const text = new TextDecoder().decode(await reader.read(start, length));
  const descriptor = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const dims = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  if (descriptor === undefined || dims === undefined) throw fail('its header cannot be read');
  const shape = dims
    .split(',')
    .filter((dim) => dim.trim() !== '')
    .map(Number);
  const [count, ...slice] = shape;
  if (count === undefined) throw fail('the array has no dimensions, so it has no samples');
  if (count === 0) throw fail('the array has no samples');
  const sliceBytes = (elementCount(slice) as number) * itemSize(descriptor);
  const dataOffset = start + length;
  if (reader.size !== dataOffset + count * sliceBytes) {
    throw fail(
      `its header promises ${count * sliceBytes} bytes of elements, but ${reader.size - dataOffset} follow`,
    );
  }
  const single = text.replace(/'shape':\s*\([^)]*\)/, `'shape': (${[1, ...slice].join(', ')},)`);
  return { file, slicePrefix: version2(single), dataOffset, sliceBytes, count };
}

/** The bytes before the elements of a .npy file with that header text; the elements are aligned. */
function version2(text: string): Uint8Array {
  const line = text.trimEnd();
  const padded = Math.ceil((12 + line.length + 1) / ALIGNMENT) * ALIGNMENT - 12;
  const encoded = new TextEncoder().encode(`${line.padEnd(padded - 1)}\n`);
  const prefix = new Uint8Array(12 + encoded.length);
  prefix.set(Uint8Array.from(MAGIC, (character) => character.charCodeAt(0)));
  prefix[6] = 2;
  new DataView(prefix.buffer).setUint32(8, encoded.length, true);
  prefix.set(encoded, 12);
  return prefix;
}

async function* walkNpy(header: NpyHeader, info: TensorInfo): AsyncGenerator<Sample> {
  const { file, slicePrefix, dataOffset, sliceBytes, count } = header;
  const reader = await FileReader.open(file);
  try {
    const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / Math.max(1, sliceBytes)));
    for (let first = 0; first < count; first += perBlock) {
      const slices = Math.min(perBlock, count - first);
      const block = await reader.read(dataOffset + first * sliceBytes, slices * sliceBytes);
      for (let i = 0; i < slices; i++) {
        const bytes = new Uint8Array(slicePrefix.length + sliceBytes);
        bytes.set(slicePrefix);
        bytes.set(block.subarray(i * sliceBytes, (i + 1) * sliceBytes), slicePrefix.length);
        const slice = readNpy(info.name, bytes, file);
        yield { [info.name]: toInput(info, sampleOf(slice, info), { file, index: first + i }) };
      }
    }
  } finally {
    await reader.close();
  }
}

/** A slice of one is a sample with its batch dimension, unless it is one dimension too many. */
function sampleOf(slice: ArrayValue, info: TensorInfo): ArrayValue {
  if (slice.shape.length <= info.shape.length) return slice;
  return { ...slice, shape: slice.shape.slice(1) };
}

/**
 * The slices along the first dimension of a .npz archive's arrays. Arrays are taken by the inputs'
 * names; an archive with one array also serves a model with one input of another name.
 *
 * @throws LinnetError IO, or INVALID_ARGUMENT when the file is damaged, an array is missing, empty
 *   or of another shape, or the arrays differ in their number of samples
 */
export async function npzDataset(
  file: string,
  inputs: readonly TensorInfo[],
): Promise<Dataset<Sample>> {
  const arrays = readNpz(await readWhole(file, MAX_ARCHIVE_BYTES), file);
  const chosen = inputs.map((info) => ({ info, array: arrayFor(info, inputs, arrays, file) }));
  const counts = new Set(chosen.map(({ array }) => array.shape[0] ?? 0));
  const [count = 0] = counts;
  if (counts.size !== 1 || count === 0) {
    const shapes = chosen.map(({ array: { name, shape } }) => `${name}: [${shape}]`);
    throw new LinnetError(
      'INVALID_ARGUMENT',
      count === 0 ? 'there are no samples' : 'the arrays differ in their number of samples',
      { file },
      [...shapes, 'The first dimension of every array counts the samples.'],
    );
  }
  return new Dataset(function* () {
    for (let index = 0; index < count; index++) {
      yield Object.fromEntries(
        chosen.map(({ info, array }) => {
          const value = sampleOf(sliceOf(array, index), info);
          return [info.name, toInput(info, value, { file, index, part: array.name })];
        }),
      );
    }
  }, count);
}

function arrayFor(
  { name }: TensorInfo,
  inputs: readonly TensorInfo[],
  arrays: readonly NamedArray[],
  file: string,
): NamedArray {
  const named = arrays.find((array) => array.name === name);
  if (named !== undefined) return named;
  const [only] = arrays;
  if (only !== undefined && arrays.length === 1 && inputs.length === 1) return only;
  throw new LinnetError('INVALID_ARGUMENT', `there is no array for input ${name}`, { file }, [
    `The archive holds: ${arrays.map((array) => array.name).join(', ') || 'nothing'}.`,
    'Name the arrays after the inputs: numpy.savez(file, name=array).',
  ]);
}

function sliceOf({ dtype, shape, data }: NamedArray, index: number): ArrayValue {
  const [, ...rest] = shape;
  const length = elementsPerItem(dtype) * (elementCount(rest) as number);
  const elements = (data as TypedArray).slice(index * length, (index + 1) * length);
  return { dtype, shape: [1, ...rest], data: elements };
}

/** Entries of a typed array that an element takes: two for complex numbers. */
function elementsPerItem(dtype: DType): number {
  return dtype.startsWith('complex') ? 2 : byteLength(dtype, 1) > 0 ? 1 : 0;
}
