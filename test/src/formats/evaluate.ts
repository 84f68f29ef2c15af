/** Opens models for tests and runs what comes out on the reference kernels. */
import { LinnetError } from '@linnet/schema';
import { toModel } from '../../../converter/dist/emit/index.js';
import type { OpenedModel, OpenOptions } from '../../../converter/dist/formats/format.js';
import { openModel } from '../../../converter/dist/formats/index.js';
import { bytesSource, filesSource } from '../../../converter/dist/formats/source.js';
import { ReferenceModel } from '../../../converter/dist/reference/model.js';
import { type GraphSpec, graphDef, type SavedModelSpec, savedModel } from './encode.js';

export function openGraph(spec: GraphSpec, options?: OpenOptions): Promise<OpenedModel> {
  return openModel(bytesSource('graph.pb', graphDef(spec)), options);
}

export function openSavedModel(
  specs: readonly SavedModelSpec[],
  options?: OpenOptions,
  files: Readonly<Record<string, Uint8Array>> = {},
): Promise<OpenedModel> {
  const source = filesSource('model', { ...files, 'saved_model.pb': savedModel(...specs) });
  return openModel(source, options);
}

export interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** Runs a signature on float32 inputs; outputs as plain numbers. */
export function run(
  { program }: OpenedModel,
  inputs: Readonly<Record<string, Values>>,
  signature?: string,
): Record<string, Values> {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [
      name,
      { dtype: 'float32' as const, shape, data: Float32Array.from(data) },
    ]),
  );
  const outputs = new ReferenceModel(toModel(program)).run(
    tensors,
    signature === undefined ? {} : { signature },
  );
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { shape, data }]) => [
      name,
      { shape, data: Array.from(data as Float32Array, Number) },
    ]),
  );
}

/** The error that an attempt ends with. */
export async function errorOf(attempt: Promise<unknown>): Promise<LinnetError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof LinnetError) return error;
    throw error;
  }
  throw new Error('the attempt succeeded');
}
