/** Models of either backend behind one function. */
import { type LoadOptions, loadModel, type TensorInput } from '@linnet/runtime-web';
import { read } from '@linnet/schema';
import type { ArrayValue, SignatureInfo } from '../../../converter/dist/entry-point.js';
import { ReferenceModel } from '../../../converter/dist/reference/model.js';
import type { Elements, ElementsByName } from './outputs.js';

export interface OpenModel {
  readonly signatures: readonly SignatureInfo[];
  run(inputs: ElementsByName, signature?: string, signal?: AbortSignal): Promise<ElementsByName>;
  dispose(): void;
}

/** Opens a .tflite file on WASM. */
export async function openWasm(bytes: Uint8Array, options: LoadOptions = {}): Promise<OpenModel> {
  const model = await loadModel(bytes, options);
  return {
    signatures: model.signatures,
    run: (inputs, signature, signal) =>
      model.run(
        Object.fromEntries(
          Object.entries(inputs).map(([name, { shape, data }]) => [
            name,
            { shape, data } as TensorInput,
          ]),
        ),
        { ...(signature !== undefined && { signature }), ...(signal && { signal }) },
      ) as Promise<ElementsByName>,
    dispose: () => model.dispose(),
  };
}

/** Opens a .tflite file on the reference kernels. */
export function openReference(bytes: Uint8Array): OpenModel {
  const model = new ReferenceModel(read(bytes));
  return {
    signatures: model.signatures,
    run: async (inputs, signature) =>
      model.run(
        inputs as Readonly<Record<string, ArrayValue>>,
        signature === undefined ? {} : { signature },
      ) as Record<string, Elements>,
    dispose() {},
  };
}
