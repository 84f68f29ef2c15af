import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Build } from '@linnet/runtime-web';
import { OP_NAMES } from '@linnet/schema';
import { type Backend, referenceBackend, wasmBackend } from './backend.js';
import { buildCases, type Case, type Value } from './build.js';
import { difference } from './compare.js';
import { expectedOutputs } from './expected.js';
import { testRefusals } from './refusals.js';
import type { Tolerance } from './spec.js';
import { fromReference, fromStock } from './tolerance.js';

/**
 * Runs every case on a backend, one test per op: against stock TFLite's answers, and against the
 * reference.
 */
export function testCases(backend: Backend, cases: readonly Case[]): void {
  describe(`op cases on ${backend.name}`, { skip: backend.skip ?? false, concurrency: 4 }, () => {
    for (const op of OP_NAMES) {
      it(op, async () => {
        const failures: string[] = [];
        for (const subject of cases.filter((candidate) => candidate.op === op)) {
          const failure = await check(backend, subject);
          const reason = backend.ignore[subject.name];
          if (failure !== null && reason === undefined)
            failures.push(`${subject.name}: ${failure}`);
          if (failure === null && reason !== undefined) {
            failures.push(`${subject.name} passes: take it off the ignore list (${reason})`);
          }
        }
        assert.equal(failures.join('\n'), '');
      });
    }
  });
}

/** The suite on a build of the runtime. */
export async function testCasesOnWasm(build: Build): Promise<void> {
  const cases = buildCases();
  const backend = await wasmBackend(build, cases[0]!);
  testCases(backend, cases);
  testRefusals(backend);
}

/** The suite on the reference. */
export function testCasesOnReference(): void {
  testCases(referenceBackend, buildCases());
  testRefusals(referenceBackend);
}

/** What is wrong with a backend's answer, or null. */
async function check(backend: Backend, subject: Case): Promise<string | null> {
  try {
    const isReference = backend === referenceBackend;
    const tolerance = fromStock(subject.op, isReference);
    return await judge(subject, await backend.run(subject), tolerance, isReference);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * What is wrong with an answer, or null.
 *
 * @param usual how far it may be from stock TFLite's where the case does not say
 * @param isReference whether it is the reference's own
 */
export async function judge(
  subject: Case,
  actual: readonly Value[],
  usual: Tolerance,
  isReference: boolean,
): Promise<string | null> {
  const { op, spec } = subject;
  const tolerance = { ...usual, ...spec.tolerance };
  const stock = expectedOutputs(subject).map((expected) =>
    compareAll(subject, actual, expected, tolerance),
  );
  if (stock.length > 0 && !stock.includes(null)) {
    return `${stock[0]} (${spec.expected ? 'by hand' : 'stock TFLite'})`;
  }
  if (isReference) return null;
  const meant = await referenceBackend.run(subject);
  const off = compareAll(subject, actual, meant, fromReference(op, meant[0]?.dtype));
  return off && `${off} (reference)`;
}

function compareAll(
  { spec }: Case,
  actual: readonly Value[],
  expected: readonly Value[],
  tolerance: Tolerance,
): string | null {
  if (actual.length !== expected.length) return `${actual.length} outputs, not ${expected.length}`;
  for (const [i, value] of actual.entries()) {
    const isQuantized = spec.outputs[i]?.type.quantization !== undefined;
    const found = difference(value, expected[i]!, tolerance, isQuantized);
    if (found !== null) return `output ${i}: ${found}`;
  }
  return null;
}
