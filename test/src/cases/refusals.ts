/** Values that only a run can find wrong: every backend refuses them, and says which. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LinnetError, OP_NAMES, type OpName } from '@linnet/schema';
import { type Backend, referenceBackend } from './backend.js';
import { buildCase, type Case } from './build.js';
import { f32, i8, i32, i64, int, ints } from './operand.js';
import type { CaseSpec } from './spec.js';

interface Refusal<N extends OpName> extends CaseSpec<N> {
  /** What the message says. */
  readonly refused: RegExp;
}

const rows = (name: string, refused: RegExp, ...indices: number[]) => ({
  name,
  inputs: [f32(3, 5), i32(indices.length).of(...indices)],
  outputs: [f32()],
  refused,
});

/** Enough elements to give every thread some; the wrong ones are the last. */
const MANY = 4096;
const many = (...last: number[]) => [...new Array<number>(MANY - last.length).fill(1), ...last];

const DIVISION = /An integer is divided by zero/;
const divisions = <N extends OpName>(): readonly Refusal<N>[] =>
  [i32, i64, i8].map((dtype) => ({
    name: `zero as the last of many ${dtype().type.dtype}`,
    inputs: [dtype(MANY).between(1, 9), dtype(MANY).of(...many(0))],
    outputs: [dtype()],
    refused: DIVISION,
  }));

/** Negative numbers of segments leave rows out and are no fault. */
const segments = <N extends OpName>(count: readonly ReturnType<typeof int>[]): Refusal<N> => ({
  name: 'a segment beyond the last',
  inputs: [f32(4, 3), i32(4).of(0, 2, -1, 9), ...count],
  outputs: [f32()],
  refused: /Segment 9 is beyond the 3/,
});

/** Each op whose kernels look at values, with values that they cannot work with. */
const REFUSALS: { readonly [N in OpName]?: readonly Refusal<N>[] } = {
  GATHER: [
    rows('a negative index', /Index -1 is outside a dimension of 3/, 0, -1),
    rows('an index past the end', /Index 3 is outside a dimension of 3/, 2, 3, 0),
    {
      name: 'a wide index that would wrap round to a valid one',
      inputs: [f32(3), i64(1).of(2n ** 32n)],
      outputs: [f32()],
      refused: /Index 4294967296 is outside a dimension of 3/,
    },
    rows('the last of many', /Index 7 is outside a dimension of 3/, ...many(7)),
  ],
  GATHER_ND: [
    {
      name: 'an index past the end of the second dimension',
      inputs: [f32(3, 5), i32(2, 2).of(2, 4, 0, 5)],
      outputs: [f32()],
      refused: /Index 5 is outside a dimension of 5/,
    },
  ],
  SCATTER_ND: [
    {
      name: 'a negative index',
      inputs: [i32(2, 1).of(1, -4), f32(2, 3), ints(3, 3)],
      outputs: [f32()],
      refused: /Index -4 is outside a dimension of 3/,
    },
  ],
  EMBEDDING_LOOKUP: [
    {
      name: 'a row past the end',
      inputs: [i32(2).of(0, 3), f32(3, 5).constant()],
      outputs: [f32()],
      refused: /Index 3 is outside a dimension of 3/,
    },
    {
      name: 'a row of a quantized table',
      inputs: [i32(2).of(0, -2), i8(3, 5).scaled(0.1).constant()],
      outputs: [f32()],
      refused: /Index -2 is outside a dimension of 3/,
    },
  ],
  SPARSE_TO_DENSE: [
    {
      name: 'an index past the end',
      inputs: [i32(2).of(1, 6), ints(5), f32(2), f32().of(0).constant()],
      outputs: [f32()],
      refused: /Index 6 is outside a dimension of 5/,
    },
  ],
  UNSORTED_SEGMENT_SUM: [segments([int(3)])],
  UNSORTED_SEGMENT_PROD: [segments([int(3)])],
  UNSORTED_SEGMENT_MAX: [segments([int(3)])],
  UNSORTED_SEGMENT_MIN: [segments([int(3)])],
  REVERSE_SEQUENCE: [99, -1].map((length) => ({
    name: `a sequence of ${length}`,
    inputs: [f32(2, 3), i32(2).of(1, length)],
    outputs: [f32()],
    options: { batchDim: 0, seqDim: 1 },
    refused: new RegExp(`A sequence of ${length} steps does not lie in a dimension of 3`),
  })),
  DIV: divisions<'DIV'>().slice(0, 1),
  FLOOR_DIV: divisions<'FLOOR_DIV'>(),
  FLOOR_MOD: divisions<'FLOOR_MOD'>(),
  POW: [
    {
      name: 'a negative exponent of an integer',
      inputs: [i32(3).of(1, 2, 3), i32(3).of(2, -3, 0)],
      outputs: [i32()],
      refused: /exponents/,
    },
  ],
};

/** Checks that a backend refuses each of them and says where. */
export function testRefusals(backend: Backend): void {
  describe(`refusals on ${backend.name}`, { skip: backend.skip ?? false }, () => {
    for (const op of OP_NAMES) {
      for (const refusal of (REFUSALS[op] ?? []) as readonly Refusal<OpName>[]) {
        it(`${op}: ${refusal.name}`, () => refuses(backend, buildCase(op, refusal), refusal));
      }
    }
  });
}

async function refuses(backend: Backend, subject: Case, { refused }: Refusal<OpName>) {
  await assert.rejects(backend.run(subject), (error) => {
    assert.ok(error instanceof LinnetError, String(error));
    assert.equal(error.code, 'INVALID_ARGUMENT');
    assert.match(error.message, refused);
    if (backend !== referenceBackend) {
      assert.deepEqual(error.where, { subgraph: 'main', node: '#0', op: subject.op });
    }
    return true;
  });
}
