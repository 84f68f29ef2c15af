import { fetchPart, isManifest, readSource } from '../base.js';
import type { BytesProgress, ModelSource } from './source.js';

/**
 * All bytes of a model: of a source that is one, or put together from the chunks of a download
 * that the source is the manifest of.
 *
 * @throws LinnetError as readSource and joinChunks do
 */
export async function readSourceModel(
  source: ModelSource,
  progress: BytesProgress = () => {},
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await readSource(source, progress, signal);
  if (!isManifest(new TextDecoder().decode(bytes.subarray(0, 64)))) return bytes;
  const { joinChunks } = await fetchPart(() => import('./download.js'));
  return joinChunks(bytes, source, progress, signal);
}
