import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { arrayType, type DType, type TypedArray } from '@linnet/schema';
import type { Case, Value } from './build.js';
import { elementsOf } from './elements.js';

interface RecordedTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** base64 of the stored bytes, or of each string. */
  readonly data: string | readonly string[];
}

interface RecordedAnswer {
  readonly digest: string;
  readonly outputs: readonly RecordedTensor[];
  /** XNNPACK's outputs, where they are others. */
  readonly delegated?: readonly RecordedTensor[];
}

type Recorded = Readonly<Record<string, RecordedAnswer>>;

const REMEDY = 'record it anew: see test/cases/record_expected.py';

let recorded: Recorded | undefined;

/** What stock TFLite answered to every case that it can run, from test/cases/expected.json.gz. */
function records(): Recorded {
  recorded ??= JSON.parse(
    gunzipSync(readFileSync(new URL('../../cases/expected.json.gz', import.meta.url))).toString(),
  ) as Recorded;
  return recorded;
}

/**
 * The outputs that a case is known to have: stock TFLite's, with and without XNNPACK where those
 * differ, or the ones worked out by hand. None where only the reference can tell.
 */
export function expectedOutputs({ name, spec, digest }: Case): readonly (readonly Value[])[] {
  if (spec.expected) {
    const outputs = spec.expected.map((values, i) => {
      const { dtype } = spec.outputs[i]!.type;
      const shape = [values.length];
      return { dtype, shape, data: elementsOf({ dtype, shape }, { kind: 'literal', values }, '') };
    });
    return [outputs];
  }
  if (spec.notStock !== undefined) return [];
  const record = records()[name];
  if (record === undefined) throw new Error(`"${name}" has no recorded answer; ${REMEDY}`);
  if (record.digest !== digest) throw new Error(`"${name}" has changed since; ${REMEDY}`);
  const answers = [record.outputs, ...(record.delegated ? [record.delegated] : [])];
  return answers.map((outputs) => outputs.map(decode));
}

function decode({ dtype, shape, data }: RecordedTensor): Value {
  if (typeof data !== 'string') {
    return { dtype, shape, data: data.map((text) => new Uint8Array(Buffer.from(text, 'base64'))) };
  }
  const bytes = new Uint8Array(Buffer.from(data, 'base64')).buffer;
  return {
    dtype,
    shape,
    data: new (arrayType(dtype) as new (b: ArrayBuffer) => TypedArray)(bytes),
  };
}
