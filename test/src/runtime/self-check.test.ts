/** What the self-check of a device lets pass. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { TypedArray } from '@linnet/schema';
import { disagreement } from '../../../runtime-web/dist/run/self-check.js';

type Numbers = readonly number[];

function outputs(values: Numbers, array: new (values: Numbers) => TypedArray = Float32Array) {
  const dtype = array.name.replace('Array', '').toLowerCase() as 'float32' | 'int8';
  const { buffer } = new array(values);
  return [
    { type: { dtype, shape: [values.length] }, bytes: new Uint8Array(buffer as ArrayBuffer) },
  ];
}

suite('self-check', () => {
  const host = [1, -10, 5];
  const cases: readonly (readonly [
    what: string,
    device: Numbers,
    nudged: readonly Numbers[],
    found: RegExp | null,
  ])[] = [
    ['what is the same', host, [], null],
    ['1 % of the largest', [1.09, -10, 5], [], null],
    ['more than that', [1.11, -10, 5], [], /^output 0 is off by 0\.1\d*, where values reach 10$/],
    [
      'more than that in a model that nudges do not move',
      [1.11, -10, 5],
      [host, host],
      /is off by/,
    ],
    ['more than that in a model that they move', [1.11, -10, 5], [host, [1, -10, 5.03]], null],
    ['more than they move it', [1.13, -10, 5], [[1, -10, 5.03], host], /is off by/],
    ['too much in a model that they turn over', [4, -10, 5], [[10, 1, 1]], /is off by 3/],
    ['NaN', [1, NaN, 5], [[1, -10, 6]], /^output 0 has NaN for -10$/],
    ['another shape', [1, -10], [], /has another shape/],
  ];
  for (const [what, device, nudged, found] of cases) {
    test(`${found === null ? 'lets pass' : 'finds'} ${what}`, () => {
      const spread = nudged.map((values) => outputs(values));
      const problem = disagreement(outputs(device), outputs(host), spread);
      if (found === null) assert.equal(problem, null);
      else assert.match(problem ?? '', found);
    });
  }

  test('counts steps of bytes', () => {
    const [expected, near, far] = [
      [0, 100],
      [8, 100],
      [9, 100],
    ].map((values) => outputs(values, Int8Array)) as [
      ReturnType<typeof outputs>,
      ReturnType<typeof outputs>,
      ReturnType<typeof outputs>,
    ];
    assert.equal(disagreement(near, expected), null);
    assert.match(disagreement(far, expected) ?? '', /is off by 9/);
  });
});
