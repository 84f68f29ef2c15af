import { loadModel, type TensorInput } from '@linnet/runtime-web';
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

/** `wasm` is the runtime, `reference` the naive evaluation that is its oracle. */
export type Backend = 'wasm' | 'reference';

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
      options.backend === 'reference' ? referenceRunner(bytes) : await wasmRunner(bytes, options);
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

async function wasmRunner(bytes: Uint8Array, options: OpenRunnerOptions): Promise<Runner> {
  const { threads, signal } = options;
  const model = await loadModel(bytes, { backend: 'wasm', threads, signal });
  const { backend, build, threads: used } = model.info;
  return {
    signatures: model.signatures,
    description: `${backend} (${build}), ${used} thread${used === 1 ? '' : 's'}`,
    run: (inputs, signature, aborted) =>
      model.run(inputs as Record<string, TensorInput & ArrayValue>, { signature, signal: aborted }),
    dispose: () => model.dispose(),
  };
}
