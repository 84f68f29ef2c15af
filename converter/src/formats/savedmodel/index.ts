import { LinnetError } from '@linnet/schema';
import { decode } from '../../wire/protobuf.js';
import type { Format, OpenedModel, OpenOptions } from '../format.js';
import type { Source } from '../source.js';
import { Bundle } from '../tensorflow/checkpoint/bundle.js';
import { importProgram } from '../tensorflow/import-program.js';
import { type MetaGraphDef, SavedModel, type SignatureDef } from '../tensorflow/proto/messages.js';
import { looksLikeSavedModel, SNIFF_BYTES } from './sniff.js';

const MODEL_FILE = 'saved_model.pb';
const DEFAULT_TAGS = ['serve'];
const DEFAULT_SIGNATURE = 'serving_default';
/** Signatures that TensorFlow uses itself: they initialize tables and variables. */
const INTERNAL_SIGNATURES: ReadonlySet<string> = new Set([
  '__saved_model_init_op',
  '__saved_model_train_op',
]);

/** A directory that `tf.saved_model.save`, `model.export` or TF1's builder wrote. */
export const SAVED_MODEL: Format = {
  name: 'TensorFlow SavedModel',
  looksLike: `a directory with ${MODEL_FILE} and variables/`,
  async sniff(source) {
    const file = await modelFile(source);
    return file !== null && looksLikeSavedModel(await source.read(file, 0, SNIFF_BYTES));
  },
  open,
};

async function open(source: Source, options: OpenOptions): Promise<OpenedModel> {
  const file = (await modelFile(source)) ?? MODEL_FILE;
  options.onProgress?.(`reading ${file}`);
  const model = decode(SavedModel, await source.read(file), 'the SavedModel', file);
  const metaGraph = chooseMetaGraph(model.metaGraphs, options.tags ?? DEFAULT_TAGS, file);
  const { graph } = metaGraph;
  if (graph === undefined) {
    throw new LinnetError('INVALID_MODEL', 'the SavedModel has no graph', { file });
  }
  const bundle = await Bundle.open(source, 'variables/variables');
  const { program, notes } = await importProgram(
    {
      graph,
      entryPoints: chooseSignatures(metaGraph.signatures, options.signatures, file),
      checkpoint: bundle && {
        bundle,
        restoreOp: metaGraph.saver?.restoreOpName || null,
        objects: metaGraph.objectGraph,
      },
    },
    options,
  );
  return { program, notes: [...notes, ...assetNotes(metaGraph)] };
}

/** The file that holds the SavedModel; the caller may have named it instead of the directory. */
async function modelFile(source: Source): Promise<string | null> {
  if (source.main !== null) return source.main;
  return (await source.list()).includes(MODEL_FILE) ? MODEL_FILE : null;
}

function chooseMetaGraph(
  metaGraphs: readonly MetaGraphDef[],
  tags: readonly string[],
  file: string,
): MetaGraphDef {
  const found = metaGraphs.find((metaGraph) => {
    const has = metaGraph.info?.tags ?? [];
    return has.length === tags.length && tags.every((tag) => has.includes(tag));
  });
  if (found !== undefined) return found;
  const sets = metaGraphs.map(({ info }) => `[${(info?.tags ?? []).join(', ')}]`).join(' and ');
  throw new LinnetError(
    'INVALID_ARGUMENT',
    `the SavedModel has no graph tagged [${tags.join(', ')}]; it has ${sets || 'none'}`,
    { file },
  );
}

function chooseSignatures(
  signatures: ReadonlyMap<string, SignatureDef>,
  wanted: readonly string[] | undefined,
  file: string,
) {
  const usable = [...signatures]
    .filter(([key]) => !INTERNAL_SIGNATURES.has(key))
    .map(([key, { inputs, outputs }]) => ({
      key,
      inputs,
      outputs,
      isRequired: wanted !== undefined || key === DEFAULT_SIGNATURE,
    }));
  usable.sort((a, b) => rank(a.key) - rank(b.key) || (a.key < b.key ? -1 : 1));
  const keys = usable.map(({ key }) => key);
  if (keys.length === 0) {
    throw new LinnetError('UNSUPPORTED', 'the SavedModel has no signatures', { file }, [
      'Save it with model.export(...), or with tf.saved_model.save(..., signatures=...).',
    ]);
  }
  const missing = (wanted ?? []).filter((key) => !keys.includes(key));
  if (missing.length > 0) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `the SavedModel has no signature ${missing.join(', ')}`,
      { file },
      [`Its signatures are: ${keys.join(', ')}.`],
    );
  }
  return wanted === undefined ? usable : usable.filter(({ key }) => wanted.includes(key));
}

/** The signature that callers get by default comes first. */
function rank(key: string): number {
  return key === DEFAULT_SIGNATURE ? 0 : 1;
}

function assetNotes(metaGraph: MetaGraphDef): string[] {
  const assets = metaGraph.assets.map(({ filename }) => filename);
  return assets.length === 0
    ? []
    : [`assets are not part of a .tflite file and were left out: ${assets.join(', ')}`];
}
