import { type LoadOptions, loadModel, type TensorInput } from '@linnet/runtime-web';
import { read } from '@linnet/schema';
import { ReferenceModel } from '../../../converter/dist/reference/model.js';
import type { Case, Value } from './build.js';

/** Something that runs cases. It owns no expectation, only the list of what it cannot do. */
export interface Backend {
  readonly name: string;
  /** Cases that are known to fail, by name, with the reason. */
  readonly ignore: Readonly<Record<string, string>>;
  /** The outputs after `runs` runs on the same inputs, in order. */
  run(subject: Case): Promise<readonly Value[]>;
}

export const referenceBackend: Backend = {
  name: 'reference',
  ignore: {},
  run: async ({ bytes, inputs, runs }) => {
    const model = new ReferenceModel(read(bytes));
    let outputs: readonly Value[] = [];
    for (let run = 0; run < runs; run++) outputs = Object.values(model.run(inputs));
    return outputs;
  },
};

export function wasmBackend(
  name: string,
  options: LoadOptions,
  ignore: Readonly<Record<string, string>> = {},
): Backend {
  return {
    name,
    ignore,
    run: async ({ bytes, inputs, runs }) => {
      const model = await loadModel(bytes, options);
      try {
        let outputs: readonly Value[] = [];
        for (let run = 0; run < runs; run++) {
          outputs = Object.values(await model.run(inputs as readonly TensorInput[]));
        }
        return outputs;
      } finally {
        model.dispose();
      }
    },
  };
}
