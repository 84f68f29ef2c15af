import assert from 'node:assert/strict';
import { loadModel, type TensorInput } from '@linnet/runtime-web';
import { read, type TypedArray } from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { ReferenceModel } from '../../../converter/dist/reference/model.js';
import { modelOf, SubgraphAssembly } from './assemble.js';
import type { Value } from './build.js';
import { elementsOf } from './elements.js';
import type { Operand } from './operand.js';

/** What a small graph answers on the reference and on the runtime. */
export interface Answers {
  readonly inputs: readonly Value[];
  readonly reference: readonly Value[];
  readonly wasm: readonly Value[];
}

/** Builds a graph of one subgraph, writes it, reads it and runs it on both backends. */
export async function answers(
  seed: number,
  operands: readonly Operand[],
  body: (assembly: SubgraphAssembly, inputs: readonly number[]) => readonly number[],
): Promise<Answers> {
  const assembly = new SubgraphAssembly('main', String(seed));
  const ids = operands.map((operand) => assembly.add(operand));
  const bytes = write(modelOf([assembly.finish(body(assembly, ids))]));
  const inputs = operands.map(({ type, contents }, i): Value => {
    const data = elementsOf(type, contents, `${seed}/${i}`);
    return { dtype: type.dtype, shape: type.shape, data };
  });
  const reference = Object.values(new ReferenceModel(read(bytes)).run(inputs));
  const model = await loadModel(bytes);
  try {
    const outputs = await model.run(inputs as readonly TensorInput[]);
    return { inputs, reference, wasm: Object.values(outputs) };
  } finally {
    model.dispose();
  }
}

/** Asserts that both backends answer the same, up to `tolerance` of the largest magnitude, and returns it. */
export function agreed({ reference, wasm }: Answers, tolerance = 0): readonly Value[] {
  reference.forEach((value, i) => {
    assert.deepEqual(wasm[i]?.shape, value.shape);
    assertClose(wasm[i] as Value, value.data as TypedArray, tolerance);
  });
  return reference;
}

/** Asserts that a value has the expected elements, up to `tolerance` of their largest magnitude. */
export function assertClose(
  { data }: Value,
  expected: ArrayLike<number | bigint>,
  tolerance = 0,
): void {
  assert.equal(data.length, expected.length);
  let largest = 0;
  for (let i = 0; i < expected.length; i++)
    largest = Math.max(largest, Math.abs(Number(expected[i])));
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(Number(data[i]) - Number(expected[i]));
    const isSame = data[i] === expected[i] || (Number.isNaN(data[i]) && Number.isNaN(expected[i]));
    assert.ok(
      isSame || error <= tolerance * largest,
      `element ${i} is ${data[i]}, not ${expected[i]}`,
    );
  }
}
