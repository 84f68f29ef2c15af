import { Padding } from '@linnet/schema';
import type { SubgraphAssembly } from './assemble.js';
import { f32, i32, ints } from './operand.js';

/** A value in a growing graph: its tensor and its shape, always [batch, height, width, channels]. */
interface Grown {
  readonly id: number;
  readonly shape: readonly [number, number, number, number];
}

type Step = (graph: SubgraphAssembly, a: Grown, b: Grown) => Grown;

const keep =
  (op: 'RELU' | 'TANH' | 'LOGISTIC' | 'ABS' | 'HARD_SWISH' | 'NEG'): Step =>
  (graph, a) => ({ ...a, id: graph.node(op, [a.id], [f32()])[0]! });

const join =
  (op: 'ADD' | 'SUB' | 'MUL' | 'MAXIMUM' | 'MINIMUM'): Step =>
  (graph, a, b) =>
    String(a.shape) === String(b.shape)
      ? { ...a, id: graph.node(op, [a.id, b.id], [f32()])[0]! }
      : { ...a, id: graph.node(op, [a.id, graph.add(f32(a.shape[3]).constant())], [f32()])[0]! };

/** Sizes up to which values are joined along a dimension. */
const MOST = 8;

/** Both values, where they are alike but for one dimension. */
function joined(axis: 0 | 3): Step {
  return (graph, a, b) => {
    const fits = a.shape.every((dim, i) => i === axis || dim === b.shape[i]);
    const size = a.shape[axis] + b.shape[axis];
    if (!fits || size > MOST) return a;
    const shape = a.shape.with(axis, size) as unknown as Grown['shape'];
    return { id: graph.node('CONCATENATION', [a.id, b.id], [f32()], { axis })[0]!, shape };
  };
}

/** The difference of a value's halves. */
function parted(axis: 0 | 3): Step {
  return (graph, a) => {
    const size = a.shape[axis] / 2;
    if (!Number.isInteger(size)) return a;
    const inputs = [graph.add(i32().of(axis).constant()), a.id];
    const [first, second] = graph.node('SPLIT', inputs, [f32(), f32()], { numSplits: 2 });
    const [id] = graph.node('SUB', [second!, first!], [f32()]);
    return { id: id!, shape: a.shape.with(axis, size) as unknown as Grown['shape'] };
  };
}

/** A small dense, windowed or moving op on the first value. */
const STEPS: readonly Step[] = [
  keep('RELU'),
  keep('TANH'),
  keep('LOGISTIC'),
  keep('ABS'),
  keep('HARD_SWISH'),
  keep('NEG'),
  join('ADD'),
  join('SUB'),
  join('MUL'),
  join('MAXIMUM'),
  join('MINIMUM'),
  (graph, a) => {
    const [n, h, w, c] = a.shape;
    const weights = graph.add(f32(4, 3, 3, c).between(-0.3, 0.3).constant());
    const inputs = [a.id, weights, graph.add(f32(4).constant())];
    const options = { padding: Padding.SAME, strideH: 1, strideW: 2 };
    const [id] = graph.node('CONV_2D', inputs, [f32()], options);
    return { id: id!, shape: [n, h, Math.ceil(w / 2), 4] };
  },
  (graph, a) => {
    const c = a.shape[3];
    const weights = graph.add(f32(1, 3, 3, c).between(-0.5, 0.5).constant());
    const inputs = [a.id, weights, graph.add(f32(c).constant())];
    const options = { padding: Padding.SAME, strideH: 1, strideW: 1, depthMultiplier: 1 };
    return { ...a, id: graph.node('DEPTHWISE_CONV_2D', inputs, [f32()], options)[0]! };
  },
  (graph, a) => {
    const [n, h, w, c] = a.shape;
    const weights = graph.add(f32(5, c).between(-0.5, 0.5).constant());
    const inputs = [a.id, weights, graph.add(f32(5).constant())];
    const [id] = graph.node('FULLY_CONNECTED', inputs, [f32()], { keepNumDims: true });
    return { id: id!, shape: [n, h, w, 5] };
  },
  (graph, a) => {
    const [n, h, w, c] = a.shape;
    const [id] = graph.node('TRANSPOSE', [a.id, graph.add(ints(0, 2, 1, 3))], [f32()]);
    return { id: id!, shape: [n, w, h, c] };
  },
  (graph, a) => ({ ...a, id: graph.node('SOFTMAX', [a.id], [f32()], { beta: 1 })[0]! }),
  (graph, a) => {
    const [n, h, w, c] = a.shape;
    const padding = graph.add(i32(4, 2).of(0, 0, 1, 0, 0, 1, 0, 0).constant());
    const [id] = graph.node('PAD', [a.id, padding], [f32()]);
    return { id: id!, shape: [n, h + 1, w + 1, c] };
  },
  (graph, a) => {
    const [n, h, w, c] = a.shape;
    const options = {
      padding: Padding.SAME,
      strideH: 2,
      strideW: 1,
      filterHeight: 2,
      filterWidth: 3,
    };
    const [id] = graph.node('AVERAGE_POOL_2D', [a.id], [f32()], options);
    return { id: id!, shape: [n, Math.ceil(h / 2), w, c] };
  },
  (graph, a) => {
    const [n, , , c] = a.shape;
    const axes = graph.add(ints(1, 2));
    const [id] = graph.node('MEAN', [a.id, axes], [f32()], { keepDims: true });
    return { id: id!, shape: [n, 1, 1, c] };
  },
  (graph, a) => {
    const [n, h, w, c] = a.shape;
    const [id] = graph.node('CONCATENATION', [a.id, a.id], [f32()], { axis: 3 });
    return c > 8 ? a : { id: id!, shape: [n, h, w, 2 * c] };
  },
  joined(0),
  joined(3),
  parted(0),
  parted(3),
  (graph, a) => {
    const slices = graph.node('UNPACK', [a.id], new Array(a.shape[0]).fill(f32()), {
      num: a.shape[0],
      axis: 0,
    });
    const options = { valuesCount: slices.length, axis: 0 };
    return { ...a, id: graph.node('PACK', slices.toReversed(), [f32()], options)[0]! };
  },
];

/**
 * Adds one node for every choice, on values picked by the same number, and returns the last value
 * and one from the middle as outputs. Weights and biases are random constants.
 */
export function growGraph(
  graph: SubgraphAssembly,
  inputs: readonly number[],
  choices: readonly number[],
): readonly number[] {
  const values: Grown[] = inputs.map((id) => ({ id, shape: [2, 4, 5, 3] }));
  for (const choice of choices) {
    const step = STEPS[choice % STEPS.length]!;
    const recent = values.slice(-4);
    const a = recent[Math.floor(choice / 32) % recent.length]!;
    const b = recent[Math.floor(choice / 128) % recent.length]!;
    values.push(step(graph, a, b));
  }
  const middle = values[Math.floor((values.length + inputs.length) / 2)]!;
  return [...new Set([values.at(-1)!.id, middle.id])];
}
