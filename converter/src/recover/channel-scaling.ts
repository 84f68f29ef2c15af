import { ActivationFunctionType, type OpName } from '@linnet/schema';
import { cloneGraph } from '../graph/clone.js';
import type { Graph, Node, TensorId } from '../graph/graph.js';
import { type Linear, linear, scaleAlong } from '../passes/linear.js';
import {
  floats,
  hasOneReader,
  integers,
  isLinear,
  madeOnlyFor,
  perChannel,
} from '../passes/match.js';
import { setBias, setElements } from './parameters.js';

/**
 * A value whose channels can have other scales while all else stays the same: what makes it is divided
 * by a factor per channel, the weights of all that reads it are multiplied by it.
 */
export interface ChannelScaling {
  readonly value: TensorId;
  readonly channels: number;
  /** What makes the value: weights, or the factors and offsets that end a normalization. */
  readonly producer: Linear | AffineProducer;
  readonly consumers: readonly Consumer[];
}

/** x * factors + offsets, the factors and offsets being constants per channel. */
export interface AffineProducer {
  readonly kind: 'affine';
  readonly constants: readonly TensorId[];
}

/** A node whose input channel j is channel j modulo the number of channels of the value. */
export interface Consumer {
  readonly linear: Linear;
  /** The dimension of the weights along which the value's channels lie. */
  readonly axis: number;
  /** What the node makes, where that is multiplied by the value, channel by channel, and it does not read it. */
  readonly makes?: TensorId;
}

const { NONE, RELU } = ActivationFunctionType;

/** Values made by weights, with nothing but positively homogeneous ops on the way to all readers. */
export function linearScalings(graph: Graph): readonly ChannelScaling[] {
  return scalings(graph, (node) => {
    const producer = linear(graph, node);
    const isOwn = producer && ownsParameters(graph, producer) && isHomogeneous(node);
    return isOwn ? producer : undefined;
  });
}

/** Values that the factors and offsets of a normalization make. */
export function affineScalings(graph: Graph): readonly ChannelScaling[] {
  return scalings(graph, (node) => affineProducer(graph, node));
}

function scalings(
  graph: Graph,
  producerOf: (node: Node) => ChannelScaling['producer'] | undefined,
): readonly ChannelScaling[] {
  return [...graph.nodes].flatMap((node) => {
    const [value] = node.outputs;
    const channels = value === undefined ? -1 : (graph.tensor(value).shape.at(-1) ?? -1);
    if (value === undefined || channels < 2) return [];
    const producer = producerOf(node);
    if (producer === undefined) return [];
    const consumers: Consumer[] = [];
    return collectConsumers(graph, value, channels, consumers) && consumers.length > 0
      ? [{ value, channels, producer, consumers }]
      : [];
  });
}

/** Finds what reads a value through homogeneous ops; false where that is not all that reads it. */
function collectConsumers(
  graph: Graph,
  value: TensorId,
  channels: number,
  found: Consumer[],
): boolean {
  if (graph.isOutput(value)) return false;
  return graph.consumers(value).every((node) => {
    const own = linear(graph, node);
    if (own !== undefined) {
      const axis = consumerAxis(graph, own, value, channels);
      if (axis === undefined) return false;
      found.push({ linear: own, axis });
      return true;
    }
    const [output] = node.outputs;
    if (output === undefined || !keepsChannels(graph, node, value, channels)) return false;
    return collectConsumers(graph, output, channels, found);
  });
}

function consumerAxis(
  graph: Graph,
  { node, layout, shape }: Linear,
  value: TensorId,
  channels: number,
): number | undefined {
  const readers = node.inputs.filter((id) => id === value);
  if (node.inputs[layout.input] !== value || readers.length !== 1) return undefined;
  if (!hasOneReader(graph, node.inputs[layout.weights]!)) return undefined;
  const axis = node.op === 'DEPTHWISE_CONV_2D' ? layout.outputAxis : layout.inputAxis;
  if (axis === null || shape[axis]! % channels !== 0) return undefined;
  if (node.op === 'FULLY_CONNECTED') return axis;
  // A convolution in groups has fewer input channels than its input has.
  const isWhole = node.op === 'DEPTHWISE_CONV_2D' || shape[axis] === channels;
  return isWhole && graph.tensor(value).shape.at(-1) === channels ? axis : undefined;
}

type Homogeneous = (graph: Graph, node: Node, channels: number) => boolean;

const always: Homogeneous = () => true;
/** Whether the last dimension is the channels' still, or several of them, one after the other. */
const keepsLast: Homogeneous = (graph, { outputs }, channels) =>
  graph.tensor(outputs[0]!).shape.at(-1)! % channels === 0;

/** Ops that give c f(x) for c x with any c > 0 of its own for each channel. */
const HOMOGENEOUS: { readonly [N in OpName]?: Homogeneous } = {
  AVERAGE_POOL_2D: always,
  LEAKY_RELU: always,
  MAX_POOL_2D: always,
  MEAN: reducesOthers,
  PAD: (graph, node, channels) => graph.tensor(node.outputs[0]!).shape.at(-1) === channels,
  RELU: always,
  REDUCE_MAX: reducesOthers,
  RESHAPE: keepsLast,
  RESIZE_BILINEAR: always,
  RESIZE_NEAREST_NEIGHBOR: always,
  SUM: reducesOthers,
};

function reducesOthers(graph: Graph, { inputs, outputs }: Node, channels: number): boolean {
  const { shape } = graph.tensor(inputs[0]!);
  const axes = integers(graph, inputs[1]);
  const isOther = axes?.every((axis) => axis !== -1 && axis !== shape.length - 1) ?? false;
  return isOther && graph.tensor(outputs[0]!).shape.at(-1) === channels;
}

function keepsChannels(graph: Graph, node: Node, value: TensorId, channels: number): boolean {
  const test = HOMOGENEOUS[node.op];
  return (
    test !== undefined &&
    node.inputs[0] === value &&
    isHomogeneous(node) &&
    test(graph, node, channels)
  );
}

function isHomogeneous(node: Node): boolean {
  if (!('fusedActivationFunction' in node.options)) return true;
  const fused = node.options.fusedActivationFunction;
  return fused === NONE || fused === RELU;
}

function ownsParameters(graph: Graph, { node, layout }: Linear): boolean {
  return hasOneReader(graph, node.inputs[layout.weights]!);
}

/** x * factors, or that + offsets. */
function affineProducer(graph: Graph, node: Node): AffineProducer | undefined {
  if (!isHomogeneous(node)) return undefined;
  const [value] = node.outputs as readonly [TensorId];
  const { shape } = graph.tensor(value);
  const constantOf = (of: Node): TensorId | undefined =>
    of.inputs.find(
      (id) =>
        id !== null &&
        hasOneReader(graph, id) &&
        (floats(graph, id)?.length ?? 0) > 1 &&
        perChannel(graph, id, shape.at(-1)!, shape.length) !== undefined,
    ) ?? undefined;
  const own = constantOf(node);
  if (own === undefined) return undefined;
  if (node.op === 'MUL') return { kind: 'affine', constants: [own] };
  if (node.op !== 'ADD') return undefined;
  const product = madeOnlyFor(
    graph,
    node.inputs.find((id) => id !== own),
    'MUL',
  );
  const factors = product && isLinear(product) ? constantOf(product) : undefined;
  return factors === undefined ? undefined : { kind: 'affine', constants: [factors, own] };
}

/** The largest magnitude of the weights that each channel of the value is multiplied by. */
export function consumerWeights({ channels, consumers }: ChannelScaling): Float64Array | null {
  // A depthwise convolution has a scale per channel: whatever its weights are, they lose nothing.
  const free = consumers.every(({ linear: { node } }) => node.op === 'DEPTHWISE_CONV_2D');
  if (free) return null;
  const largest = new Float64Array(channels);
  for (const { linear: own, axis } of consumers) {
    const inner = own.shape.slice(axis + 1).reduce((product, dim) => product * dim, 1);
    const repeats = own.shape[axis]! / channels;
    own.weights.forEach((weight, i) => {
      const channel = channelAt(own, Math.floor(i / inner) % own.shape[axis]!, channels, repeats);
      largest[channel] = Math.max(largest[channel]!, Math.abs(weight));
    });
  }
  return largest;
}

/** The value's channel that an index of the consumer's weights belongs to. */
function channelAt({ node }: Linear, index: number, channels: number, repeats: number): number {
  // A depthwise convolution makes `repeats` outputs of each channel, one after the other.
  return node.op === 'DEPTHWISE_CONV_2D' ? Math.floor(index / repeats) : index % channels;
}

/** The graph with a value's channels divided by factors above 0. */
export function applyScaling(
  from: Graph,
  { producer, consumers, channels }: ChannelScaling,
  factors: Float64Array,
): Graph {
  const graph = cloneGraph(from);
  const inverse = factors.map((factor) => 1 / factor);
  if ('kind' in producer) {
    for (const id of producer.constants) {
      setElements(
        graph,
        id,
        floats(graph, id)!.map((value, i) => value * inverse[i]!),
      );
    }
  } else {
    const { node, layout } = producer;
    const own = linear(graph, graph.node(node.id))!;
    const weights = scaleAlong(own.weights, own.shape, layout.outputAxis, inverse);
    setElements(graph, node.inputs[layout.weights]!, weights);
    if (node.inputs[layout.bias] != null) {
      setBias(
        graph,
        node.id,
        own.bias.map((value, i) => value * inverse[i]!),
      );
    }
  }
  for (const { linear: reader, axis, makes } of consumers) {
    const own = linear(graph, graph.node(reader.node.id))!;
    if (makes !== undefined) {
      setBias(
        graph,
        reader.node.id,
        own.bias.map((value, i) => value * factors[i]!),
      );
    }
    const size = own.shape[axis]!;
    const by = Float64Array.from(
      { length: size },
      (_, index) => factors[channelAt(own, index, channels, size / channels)]!,
    );
    setElements(
      graph,
      reader.node.inputs[own.layout.weights]!,
      scaleAlong(own.weights, own.shape, axis, by),
    );
  }
  return graph;
}
