/** Laws that hold for every shape, checked on random ones; a failure prints its seed. */
import { describe, it } from 'node:test';
import { Padding, type TypedArray } from '@linnet/schema';
import fc from 'fast-check';
import { f32, i8, i32, int, ints } from './cases/operand.js';
import { agreed, answers, assertClose } from './cases/property.js';
import { growGraph } from './cases/random-graph.js';

const RUNS = { numRuns: 40 };

const seed = fc.nat();
const dim = fc.integer({ min: 1, max: 7 });
const shape = fc.array(dim, { minLength: 1, maxLength: 4 });

/** A shape with a permutation of its dimensions. */
const permuted = shape.chain((dims) =>
  fc.record({
    dims: fc.constant(dims),
    order: fc.shuffledSubarray([...dims.keys()], { minLength: dims.length }),
  }),
);

/** A shape with an axis and where to cut it. */
const cut = shape.chain((dims) =>
  fc.nat({ max: dims.length - 1 }).chain((axis) =>
    fc.record({
      dims: fc.constant(dims),
      axis: fc.constant(axis),
      at: fc.nat({ max: dims[axis]! }),
    }),
  ),
);

/** Two shapes that broadcast: some dimensions of either are 1, the second may lack leading ones. */
const broadcasting = fc
  .array(fc.record({ size: dim, left: fc.boolean(), right: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  })
  .chain((dims) =>
    fc.record({
      a: fc.constant(dims.map(({ size, left }) => (left ? 1 : size))),
      b: fc
        .nat({ max: dims.length })
        .map((from) => dims.slice(from).map(({ size, right }) => (right ? 1 : size))),
    }),
  );

/** For each dimension: begin, end and a step that may go backwards. */
const sliced = fc.array(
  fc.record({
    size: dim,
    begin: fc.integer({ min: -9, max: 9 }),
    end: fc.integer({ min: -9, max: 9 }),
    step: fc.constantFrom(-3, -2, -1, 1, 2, 3),
  }),
  { minLength: 1, maxLength: 3 },
);

/** Positions that Python's slice(begin, end, step) takes of `size`. */
function positions(size: number, begin: number, end: number, step: number): number[] {
  const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
  const bound = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, lowest), highest);
  const result: number[] = [];
  for (let at = bound(begin); step > 0 ? at < bound(end) : at > bound(end); at += step) {
    result.push(at);
  }
  return result;
}

function check<T>(arbitrary: fc.Arbitrary<T>, property: (value: T, seed: number) => Promise<void>) {
  return fc.assert(
    fc.asyncProperty(arbitrary, seed, (value, from) => property(value, from)),
    RUNS,
  );
}

describe('laws of ops', () => {
  it('a transpose is undone by the inverse permutation', () =>
    check(permuted, async ({ dims, order }, from) => {
      const inverse = order.map((_, d) => order.indexOf(d));
      const result = await answers(from, [f32(...dims)], (graph, [x]) => {
        const [turned] = graph.node('TRANSPOSE', [x!, graph.add(ints(...order))], [f32()]);
        return graph.node('TRANSPOSE', [turned!, graph.add(ints(...inverse))], [f32()]);
      });
      assertClose(agreed(result)[0]!, result.inputs[0]!.data as TypedArray);
    }));

  it('a reshape keeps the elements in order', () =>
    check(permuted, async ({ dims, order }, from) => {
      const target = order.map((d) => dims[d]!);
      const result = await answers(from, [i32(...dims)], (graph, [x]) =>
        graph.node('RESHAPE', [x!, graph.add(ints(...target))], [i32()], { newShape: target }),
      );
      assertClose(agreed(result)[0]!, result.inputs[0]!.data as TypedArray);
    }));

  it('the parts of a split concatenate to the whole', () =>
    check(cut, async ({ dims, axis, at }, from) => {
      const sizes = ints(at, dims[axis]! - at);
      const result = await answers(from, [f32(...dims)], (graph, [x]) => {
        const inputs = [x!, graph.add(sizes), graph.add(int(axis))];
        const parts = graph.node('SPLIT_V', inputs, [f32(), f32()], { numSplits: 2 });
        return graph.node('CONCATENATION', parts, [f32()], { axis });
      });
      assertClose(agreed(result)[0]!, result.inputs[0]!.data as TypedArray);
    }));

  it('broadcast sums commute', () =>
    check(broadcasting, async ({ a, b }, from) => {
      const result = await answers(from, [f32(...a), f32(...b)], (graph, [x, y]) => [
        ...graph.node('ADD', [x!, y!], [f32()]),
        ...graph.node('ADD', [y!, x!], [f32()]),
      ]);
      const [sum, other] = agreed(result);
      assertClose(sum!, other!.data as TypedArray);
    }));

  it("a strided slice takes what Python's slices take", () =>
    check(sliced, async (dims, from) => {
      const bounds = (['begin', 'end', 'step'] as const).map((key) =>
        ints(...dims.map((entry) => entry[key])),
      );
      const sizes = dims.map(({ size }) => size);
      const result = await answers(from, [i32(...sizes)], (graph, [x]) =>
        graph.node('STRIDED_SLICE', [x!, ...bounds.map((b) => graph.add(b))], [i32()]),
      );
      const taken = dims.reduce(
        (offsets, { size, begin, end, step }) =>
          offsets.flatMap((offset) =>
            positions(size, begin, end, step).map((at) => offset * size + at),
          ),
        [0],
      );
      const data = result.inputs[0]!.data as TypedArray;
      assertClose(
        agreed(result)[0]!,
        taken.map((offset) => data[offset]!),
      );
    }));

  it('padding is undone by the slice that it leaves room for', () =>
    check(cut, async ({ dims, axis, at }, from) => {
      const before = dims.map((_, d) => (d === axis ? at : 1));
      const padding = i32(dims.length, 2)
        .of(...before.flatMap((size) => [size, 2]))
        .constant();
      const result = await answers(from, [f32(...dims)], (graph, [x]) => {
        const [padded] = graph.node('PAD', [x!, graph.add(padding)], [f32()]);
        const bounds = [graph.add(ints(...before)), graph.add(ints(...dims))];
        return graph.node('SLICE', [padded!, ...bounds], [f32()]);
      });
      assertClose(agreed(result)[0]!, result.inputs[0]!.data as TypedArray);
    }));

  it('reversing twice changes nothing', () =>
    check(cut, async ({ dims, axis }, from) => {
      const result = await answers(from, [f32(...dims)], (graph, [x]) => {
        const axes = graph.add(ints(axis));
        const [reversed] = graph.node('REVERSE_V2', [x!, axes], [f32()]);
        return graph.node('REVERSE_V2', [reversed!, axes], [f32()]);
      });
      assertClose(agreed(result)[0]!, result.inputs[0]!.data as TypedArray);
    }));

  it('a convolution with a delta is the identity', () =>
    check(
      fc.record({ batch: dim, height: dim, width: dim, channels: dim, half: fc.nat({ max: 2 }) }),
      async ({ batch, height, width, channels, half }, from) => {
        const size = 2 * half + 1;
        const weights = Array.from({ length: channels * size * size * channels }, (_, i) => {
          const [o, tap, c] = [
            Math.floor(i / (size * size * channels)),
            Math.floor(i / channels) % (size * size),
            i % channels,
          ];
          return o === c && tap === half * size + half ? 1 : 0;
        });
        const result = await answers(from, [f32(batch, height, width, channels)], (graph, [x]) => {
          const delta = graph.add(
            f32(channels, size, size, channels)
              .of(...weights)
              .constant(),
          );
          const zeros = graph.add(f32(channels).between(0, 0).constant());
          return graph.node('CONV_2D', [x!, delta, zeros], [f32()], {
            padding: Padding.SAME,
            strideH: 1,
            strideW: 1,
          });
        });
        assertClose(agreed(result)[0]!, result.inputs[0]!.data as TypedArray);
      },
    ));

  it('quantizing what was dequantized gives it back', () =>
    check(
      fc.record({
        dims: shape,
        scale: fc.float({ min: Math.fround(1e-3), max: 10, noNaN: true }),
        zero: fc.integer({ min: -128, max: 127 }),
      }),
      async ({ dims, scale, zero }, from) => {
        const result = await answers(from, [i8(...dims).scaled(scale, zero)], (graph, [x]) => {
          const [real] = graph.node('DEQUANTIZE', [x!], [f32()]);
          return graph.node('QUANTIZE', [real!], [i8().scaled(scale, zero)]);
        });
        assertClose(agreed(result)[0]!, result.inputs[0]!.data as TypedArray);
      },
    ));
});

describe('random graphs', () => {
  it('give the same on the runtime as on the reference', () =>
    check(fc.array(fc.nat(), { minLength: 3, maxLength: 24 }), async (choices, from) => {
      const result = await answers(from, [f32(2, 4, 5, 3), f32(2, 4, 5, 3)], (graph, inputs) =>
        growGraph(graph, inputs, choices),
      );
      agreed(result, 1e-4);
    }));
});
