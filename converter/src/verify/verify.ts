import { float16ToFloat32 } from '@linnet/runtime-web';
import { LinnetError } from '@linnet/schema';
import type { Elements } from '../data/index.js';
import type { ArrayValue, SignatureInfo } from '../entry-point.js';
import { compare, type Difference } from './compare.js';
import type { Runner } from './runner.js';

/** The worst difference of one output over all inputs. */
export interface OutputDifference extends Difference {
  readonly output: string;
}

/**
 * Runs two models on the same inputs.
 *
 * Inputs and outputs are matched by name where both models use the same names, otherwise by
 * position.
 *
 * @param inputSets inputs named as in `expected`, one record per run; at least one
 * @returns for each output of `expected` the worst values over all runs
 * @throws LinnetError INVALID_ARGUMENT when the models' inputs or outputs cannot be matched
 */
export async function verify(
  actual: Runner,
  expected: Runner,
  inputSets: Elements<Readonly<Record<string, ArrayValue>>>,
  options: {
    readonly signature?: string;
    readonly signal?: AbortSignal;
    readonly onProgress?: (done: number) => void;
  } = {},
): Promise<readonly OutputDifference[]> {
  const signature = selectSignature(expected, options.signature);
  const counterpart = selectSignature(actual, options.signature);
  const inputNames = matchNames('inputs', signature.inputs, counterpart.inputs);
  const outputNames = matchNames('outputs', signature.outputs, counterpart.outputs);
  const worst = new Map<string, OutputDifference>();
  let runs = 0;
  for await (const inputs of inputSets) {
    options.onProgress?.(runs++);
    const expectedOutputs = await expected.run(inputs, signature.key, options.signal);
    const renamed = Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [inputNames.get(name) ?? name, value]),
    );
    const actualOutputs = await actual.run(renamed, counterpart.key, options.signal);
    for (const { name } of signature.outputs) {
      const difference = compareOutput(
        name,
        actualOutputs[outputNames.get(name) as string],
        expectedOutputs[name],
      );
      worst.set(name, worseOf(worst.get(name), difference));
    }
  }
  return [...worst.values()];
}

/** The signature of that key, or the only one there is. */
export function selectSignature(
  { signatures }: Pick<Runner, 'signatures'>,
  key: string | undefined,
): SignatureInfo {
  const found =
    key === undefined
      ? (signatures.find((candidate) => candidate.key === 'serving_default') ?? signatures[0])
      : signatures.find((candidate) => candidate.key === key);
  // A model with one signature may name it differently in the two files that are compared.
  const selected = found ?? (signatures.length === 1 ? signatures[0] : undefined);
  if (selected === undefined) {
    throw new LinnetError('INVALID_ARGUMENT', `there is no signature ${key}`, {}, [
      `The model has: ${signatures.map((candidate) => candidate.key).join(', ')}.`,
    ]);
  }
  return selected;
}

function matchNames(
  what: string,
  from: SignatureInfo['inputs'],
  to: SignatureInfo['inputs'],
): Map<string, string> {
  if (from.length !== to.length) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `the models differ in their number of ${what}: ${to.length} and ${from.length}`,
      {},
      ['Compare models that were made from the same source, or choose a --signature.'],
    );
  }
  const names = new Set(to.map(({ name }) => name));
  const byName = from.every(({ name }) => names.has(name));
  return new Map(from.map(({ name }, index) => [name, byName ? name : to[index].name]));
}

function compareOutput(output: string, actual: ArrayValue, expected: ArrayValue): OutputDifference {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `output ${output} has shape [${actual.shape}] in one model and [${expected.shape}] in the other`,
      { tensor: output },
    );
  }
  return { output, ...compare(toNumbers(actual), toNumbers(expected)) };
}

/** The elements of a numeric tensor; float16 as float32. */
export function toNumbers(value: ArrayValue): ArrayLike<number | bigint> {
  if (value.dtype === 'string') {
    throw new LinnetError('UNSUPPORTED', 'string tensors have no numeric difference');
  }
  if (value.dtype === 'float16') return float16ToFloat32(value.data as Uint16Array);
  return value.data as ArrayLike<number | bigint>;
}

function worseOf(a: OutputDifference | undefined, b: OutputDifference): OutputDifference {
  if (a === undefined) return b;
  const larger = (x: number, y: number) => (Number.isNaN(x) || x > y ? x : y);
  return {
    output: a.output,
    maxAbsoluteError: larger(a.maxAbsoluteError, b.maxAbsoluteError),
    relativeError: larger(a.relativeError, b.relativeError),
    cosine: Math.min(a.cosine, b.cosine),
    sqnr: Math.min(a.sqnr, b.sqnr),
    meanSquaredError: larger(a.meanSquaredError, b.meanSquaredError),
  };
}
