import { LinnetError } from '@linnet/schema';
import type { Format, OpenedModel, OpenOptions } from './format.js';
import { GRAPH_DEF } from './graphdef/index.js';
import { nodeSource } from './node-source.js';
import { SAVED_MODEL } from './savedmodel/index.js';
import type { Source } from './source.js';
import { TFLITE } from './tflite/index.js';

/** Every format that can be read, asked in this order. */
export const FORMATS: readonly Format[] = [SAVED_MODEL, GRAPH_DEF, TFLITE];

/** How many file names the message about an unknown format shows. */
const NAMES_SHOWN = 5;

/**
 * Opens a model of any format, told by its contents.
 *
 * @param from A path, or a source of bytes.
 * @throws LinnetError UNKNOWN_FORMAT, or what the format's own `open` throws.
 */
export async function openModel(
  from: string | Source,
  options: OpenOptions = {},
): Promise<OpenedModel & { readonly format: string }> {
  const source = typeof from === 'string' ? await nodeSource(from) : from;
  try {
    const format = await detectFormat(source);
    return { ...(await format.open(source, options)), format: format.name };
  } catch (error) {
    throw error instanceof LinnetError ? error.at({ file: source.name }) : error;
  }
}

/** @throws LinnetError UNKNOWN_FORMAT */
export async function detectFormat(source: Source): Promise<Format> {
  for (const format of FORMATS) if (await format.sniff(source)) return format;
  throw new LinnetError(
    'UNKNOWN_FORMAT',
    `no supported format: ${await describe(source)}`,
    { file: source.name },
    ['Supported are:', ...FORMATS.map(({ name, looksLike }) => `${name}: ${looksLike}`)],
  );
}

async function describe(source: Source): Promise<string> {
  if (source.main !== null) {
    const head = await source.read(source.main, 0, 8);
    const bytes = Array.from(head, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    return `the file begins with ${bytes || 'nothing: it is empty'}`;
  }
  const names = await source.list();
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  return names.length === 0
    ? 'the directory is empty'
    : `the directory holds ${shown}${names.length > NAMES_SHOWN ? ', ...' : ''}`;
}
