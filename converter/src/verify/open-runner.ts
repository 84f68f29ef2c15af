import { type BackendName, loadModel, type ModelInfo, type TensorInput } from '@linnet/runtime-web';
import { LinnetError, read } from '@linnet/schema';
import { convert } from '../convert.js';
import type { ArrayValue } from '../entry-point.js';
import { nodeSource } from '../formats/node-source.js';
import type { Source } from '../formats/source.js';
import { TFLITE } from '../formats/tflite/index.js';
import { ReferenceModel } from '../reference/model.js';
import type { Runner } from './runner.js';

/** A runner with the file that it runs. */
export interface OpenedRunner extends Runner {
  readonly bytes: Uint8Array;
}

/** The runtime's backends, and `reference`, the naive evaluation that is their oracle. */
export type Backend = BackendName | 'reference';

export interface OpenRunnerOptions {
  readonly backend: Backend;
  /** Of the wasm backend. */
  readonly threads: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (stage: string, done: number, total: number) => void;
}

/**
 * Makes a model ready to run; one that is no .tflite file is converted in memory, as float32.
 *
 * @param path of a file or folder of any format that convert takes
 * @throws LinnetError as convert and loadModel do
 */
export async function openRunner(path: string, options: OpenRunnerOptions): Promise<OpenedRunner> {
  const bytes = await tfliteBytes(await nodeSource(path), options);
  try {
    const runner =
      options.backend === 'reference'
        ? referenceRunner(bytes)
        : await runtimeRunner(bytes, options.backend, options);
    return { ...runner, bytes };
  } catch (error) {
    throw error instanceof LinnetError ? error.at({ file: path }) : error;
  }
}

/** The bytes of a .tflite file as they are; those of any other model converted without loss. */
export async function tfliteBytes(
  source: Source,
  options: Pick<OpenRunnerOptions, 'signal' | 'onProgress'>,
): Promise<Uint8Array> {
  if (source.main !== null && (await TFLITE.sniff(source))) return source.read(source.main);
  const { signal, onProgress } = options;
  const { bytes } = await convert(source, {
    optimize: 'none',
    ...(signal && { signal }),
    onProgress: ({ stage, done, total }) => onProgress?.(stage, done, total),
  });
  return bytes;
}

function referenceRunner(bytes: Uint8Array): Runner {
  const model = new ReferenceModel(read(bytes));
  return {
    signatures: model.signatures,
    description: 'the reference',
    run: async (inputs, signature) => model.run(inputs, { signature }),
    dispose() {},
  };
}

async function runtimeRunner(
  bytes: Uint8Array,
  backend: BackendName,
  { threads, signal }: OpenRunnerOptions,
): Promise<Runner> {
  const model = await loadModel(bytes, { backend, threads, signal });
  return {
    signatures: model.signatures,
    description: describeInfo(model.info),
    run: (inputs, signature, aborted) =>
      model.run(inputs as Record<string, TensorInput & ArrayValue>, { signature, signal: aborted }),
    dispose: () => model.dispose(),
  };
}

function describeInfo({ backend, device, build, threads, fallback }: ModelInfo): string {
  if (device !== null) return `${backend} (${device})`;
  const why = fallback === null ? '' : `; ${fallback}`;
  return `${backend} (${build}), ${threads} thread${threads === 1 ? '' : 's'}${why}`;
}
