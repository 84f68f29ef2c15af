import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LinnetError, UNKNOWN_DIM } from '@linnet/schema';
import type { TensorInfo } from '../entry-point.js';
import { Dataset } from './dataset.js';
import { fileInfo, ioError, readHead } from './files.js';
import { imageKind } from './image/header.js';
import type { Preprocess } from './image/preprocess.js';
import { ImageReader } from './image/reader.js';
import { type Sample, stack } from './sample.js';
import { csvDataset } from './sources/csv.js';
import { imageDataset } from './sources/images.js';
import { isNpy, isNpz, npyDataset, npzDataset } from './sources/npy.js';
import { isTfrecord, tfrecordDataset } from './sources/tfrecord.js';

/** Enough to tell the kind of a file by. */
const HEAD_BYTES = 64;

/** Samples that are read and decoded while the ones before them run. */
const READ_AHEAD = 2;

interface SourceKind {
  readonly name: string;
  sniff(head: Uint8Array): boolean;
  /** Whether a folder may hold many such files, which are read one after the other. */
  readonly isMany: boolean;
  open(
    files: readonly string[],
    inputs: readonly TensorInfo[],
    images: ImageReader,
  ): Dataset<Sample> | Promise<Dataset<Sample>>;
}

/** Where samples can come from; the first that recognizes a file's first bytes reads it. */
const SOURCES: readonly SourceKind[] = [
  {
    name: 'JPEG or PNG pictures',
    sniff: (head) => imageKind(head) !== undefined,
    isMany: true,
    open: imageDataset,
  },
  {
    name: 'TFRecord files',
    sniff: isTfrecord,
    isMany: true,
    open: tfrecordDataset,
  },
  {
    name: 'a .npy file',
    sniff: isNpy,
    isMany: false,
    open: ([file], inputs) => npyDataset(file as string, inputs),
  },
  {
    name: 'a .npz archive',
    sniff: isNpz,
    isMany: false,
    open: ([file], inputs) => npzDataset(file as string, inputs),
  },
  {
    name: 'a CSV file',
    sniff: isText,
    isMany: false,
    open: ([file], inputs) => csvDataset(file as string, inputs),
  },
];

/**
 * Opens samples for a model by what the file, or the files of a folder, contain: pictures, TFRecords
 * of tf.train.Example, .npy, .npz or CSV.
 *
 * @param inputs of the signature that the samples are for
 * @param preprocess how pictures become numbers; needed for pictures and inputs of floats
 * @returns values for one run each: with a batch of one, or of the size that the inputs fix
 * @throws LinnetError IO, or INVALID_ARGUMENT that names the file and the sample, here or when the
 *   dataset is walked
 */
export async function openDataset(
  path: string,
  inputs: readonly TensorInfo[],
  preprocess?: Preprocess,
): Promise<Dataset<Sample>> {
  const images = new ImageReader(preprocess);
  const { kind, files } = (await fileInfo(path)).isDirectory
    ? await folderSource(path)
    : { kind: await fileKind(path), files: [path] };
  const samples = await kind.open(files, inputs, images);
  return nonEmpty(batched(samples, inputs), path).prefetch(READ_AHEAD);
}

async function fileKind(file: string): Promise<SourceKind> {
  const head = await readHead(file, HEAD_BYTES);
  if (head.length === 0) throw new LinnetError('INVALID_ARGUMENT', 'the file is empty', { file });
  const kind = SOURCES.find(({ sniff }) => sniff(head));
  if (kind !== undefined) return kind;
  throw new LinnetError(
    'INVALID_ARGUMENT',
    'the file holds no samples that can be read',
    { file },
    [`Expected ${SOURCES.map(({ name }) => name).join(', ')}.`],
  );
}

/** The files of a folder and its subfolders that hold samples; all must be of one kind. */
async function folderSource(
  folder: string,
): Promise<{ readonly kind: SourceKind; readonly files: readonly string[] }> {
  const many = SOURCES.filter(({ isMany }) => isMany);
  const byKind = new Map<SourceKind, string[]>();
  for (const file of await filesBelow(folder)) {
    const head = await readHead(file, HEAD_BYTES);
    const kind = many.find(({ sniff }) => sniff(head));
    if (kind !== undefined) byKind.set(kind, [...(byKind.get(kind) ?? []), file]);
  }
  const [found] = byKind;
  if (found === undefined || byKind.size > 1) {
    const names = many.map(({ name }) => name);
    throw new LinnetError(
      'INVALID_ARGUMENT',
      found === undefined
        ? `the folder holds no ${names.join(' and no ')}`
        : `the folder holds both ${names.join(' and ')}`,
      { file: folder },
      ['Give a folder of one kind, or the path of one file.'],
    );
  }
  const [kind, files] = found;
  return { kind, files };
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    // By code units, which is the same order on every machine.
    return entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (cause) {
    throw ioError(cause, folder);
  }
}

/** Text has none of the control characters that binary files have within their first bytes. */
function isText(head: Uint8Array): boolean {
  return head.every((byte) => byte >= 32 || byte === 9 || byte === 10 || byte === 13);
}

/** Samples of one joined to the batch that all inputs fix; what is left over is dropped. */
function batched(samples: Dataset<Sample>, inputs: readonly TensorInfo[]): Dataset<Sample> {
  const batches = new Set(inputs.map(({ shape: [batch = UNKNOWN_DIM] }) => batch));
  const [batch = UNKNOWN_DIM] = batches;
  if (batches.size !== 1 || batch <= 1) return samples;
  return new Dataset<Sample>(async function* () {
    let waiting: Sample[] = [];
    for await (const sample of samples) {
      if (Object.values(sample).every(({ shape: [first] }) => first === batch)) yield sample;
      else if (waiting.push(sample) === batch) {
        yield stack(waiting);
        waiting = [];
      }
    }
  });
}

function nonEmpty(samples: Dataset<Sample>, file: string): Dataset<Sample> {
  return new Dataset(async function* () {
    let isEmpty = true;
    for await (const sample of samples) {
      isEmpty = false;
      yield sample;
    }
    if (isEmpty) {
      throw new LinnetError('INVALID_ARGUMENT', 'there is no whole sample in it', { file });
    }
  }, samples.size);
}
