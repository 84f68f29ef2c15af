/** Every TensorFlow op that can be imported, against TensorFlow's answers: test/fixtures/tf_ops.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { convert } from '@linnet/converter';
import { readNpz } from '../../../converter/dist/data/npy.js';
import { toModel } from '../../../converter/dist/emit/index.js';
import type { ArrayValue } from '../../../converter/dist/entry-point.js';
import { openModel } from '../../../converter/dist/formats/index.js';
import { ReferenceModel } from '../../../converter/dist/reference/model.js';
import { assertOutputs, type Elements, type ElementsByName } from '../support/outputs.js';
import { FIXTURES } from '../support/paths.js';
import { openWasm } from '../support/runs.js';

const GRAPH = join(FIXTURES, 'tf_ops.pb');
const TOLERANCE = 1e-5;

const arrays = readNpz(readFileSync(join(FIXTURES, 'tf_ops.npz')), 'tf_ops.npz');

interface Case {
  readonly inputs: Record<string, Elements>;
  readonly outputs: Record<string, Elements>;
}

const cases = new Map<string, Case>();
for (const array of arrays) {
  const [name, port] = array.name.split('/') as [string, string];
  const found = cases.get(name) ?? { inputs: {}, outputs: {} };
  found[port === 'y' ? 'outputs' : 'inputs'][array.name] = array;
  cases.set(name, found);
}

/** Comparisons with NaN and infinity are made of what remains when both sides agree on them. */
function finite(tensors: ElementsByName): ElementsByName {
  const clamp = (value: number | bigint | Uint8Array) =>
    typeof value === 'number' && !Number.isFinite(value) ? 0 : value;
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, data }]) => [
      name,
      { dtype, shape, data: Array.from(data, clamp) as number[] },
    ]),
  );
}

for (const [name, { inputs, outputs }] of cases) {
  suite(name, () => {
    const signatures = [`${name}/y`];

    test('as it is imported, on the reference', async () => {
      const { program } = await openModel(GRAPH, { signatures });
      const model = new ReferenceModel(toModel(program));
      const results = model.run(inputs as Readonly<Record<string, ArrayValue>>);
      assertOutputs(finite(results), finite(outputs), { tolerance: TOLERANCE });
    });

    test('converted, on WASM', async (t) => {
      const { bytes } = await convert(GRAPH, { signatures });
      const model = await openWasm(bytes);
      t.after(() => model.dispose());
      const results = await model.run(inputs);
      assertOutputs(finite(results), finite(outputs), { tolerance: TOLERANCE });
    });
  });
}
