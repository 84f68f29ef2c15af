import type { AffineQuantization, OpName } from '@linnet/schema';
import type { Range } from '../calibrate/range.js';
import { elementBytes } from '../graph/constant.js';
import type { Graph, Node, NodeId, TensorId } from '../graph/graph.js';
import { typeOf } from '../graph/node.js';
import { sameQuantization } from '../graph/types.js';
import { floats } from '../passes/match.js';
import { packWeights, type WeightDType } from './affine.js';
import type { QuantizedTensor } from './dynamic.js';
import { GraphCopy } from './graph-copy.js';
import type { IntegerForm } from './integer-forms.js';
import {
  activationsOf,
  type FloatNode,
  type IntegerPlan,
  planIntegers,
  resultsOf,
} from './integer-plan.js';
import { limitMasks } from './masked-ranges.js';
import { weightType } from './precision.js';
import {
  type ActivationDType,
  quantizationOf,
  quantizeElements,
  rangeOf,
  rangeStored,
} from './ranges.js';
import { spreadRanges } from './spread-ranges.js';
import { quantizeBias, quantizeWeights } from './weights.js';

/** What callers give to and get from an integer model. */
export const IO_TYPES = ['float32', 'int8', 'uint8'] as const;
export type IoType = (typeof IO_TYPES)[number];

export interface IntegerGraph {
  readonly graph: Graph;
  /** By node of the float graph, the one that was made of it. */
  readonly nodes: ReadonlyMap<NodeId, NodeId>;
  /** The nodes of the float graph that compute on integers now. */
  readonly integerNodes: ReadonlySet<NodeId>;
  readonly tensors: readonly QuantizedTensor[];
  readonly floatNodes: readonly FloatNode[];
}

/** What of a graph becomes integers. */
export interface IntegerChoice {
  readonly dtype: ActivationDType;
  /** Why a node stays float32 though it may have an integer form; null where it need not. */
  excludes(node: Node): string | null;
  /** The type of a node's weights. */
  weights(node: Node): WeightDType;
}

/**
 * The graph on integers: int8 or int4 weights, int8 or int16 activations in the given ranges, biases of
 * 32 or 64 bits. Nodes without an integer form stay float32, between DEQUANTIZE and QUANTIZE.
 *
 * @param io of the graph's own inputs and outputs, where integer nodes read or make them
 */
export function toIntegers(
  graph: Graph,
  ranges: ReadonlyMap<TensorId, Range>,
  choice: IntegerChoice,
  io: IoType,
): IntegerGraph {
  const plan = planIntegers(
    graph,
    spreadRanges(graph, limitMasks(graph, ranges), choice.dtype),
    choice.dtype,
    choice.excludes,
  );
  const writer = new IntegerWriter(graph, plan, choice, io);
  const { tensors, nodes } = writer;
  const integerNodes = new Set(plan.forms.keys());
  return { graph: writer.write(), nodes, integerNodes, tensors, floatNodes: plan.floatNodes };
}

/** The longest sums of products of int8 and int16 that are sure to fit in 32 bits. */
const MAX_INT32_DEPTH = 516;

/** A tensor that holds a value as integers. */
interface Stored {
  readonly id: TensorId;
  readonly quantization: AffineQuantization;
}

class IntegerWriter {
  readonly tensors: QuantizedTensor[] = [];
  readonly #copy: GraphCopy;
  /** The integer forms that the values of the old graph have, the one they are made in first. */
  readonly #stored = new Map<TensorId, Stored[]>();

  constructor(
    readonly graph: Graph,
    readonly plan: IntegerPlan,
    readonly choice: IntegerChoice,
    readonly io: IoType,
  ) {
    this.#copy = new GraphCopy(graph);
  }

  get dtype(): ActivationDType {
    return this.choice.dtype;
  }

  get nodes(): ReadonlyMap<NodeId, NodeId> {
    return this.#copy.nodes;
  }

  write(): Graph {
    for (const id of this.graph.inputs) this.#input(id);
    for (const node of this.graph.nodes) {
      const form = this.plan.forms.get(node.id);
      if (form === undefined) this.#floatNode(node);
      else this.#integerNode(node, form);
    }
    return this.#copy.builder.finish(this.graph.outputs.map((id) => this.#output(id)));
  }

  #input(id: TensorId): void {
    const tensor = this.graph.tensor(id);
    const quantization = this.plan.quantization.get(id);
    const { builder } = this.#copy;
    if (this.io === 'float32' || quantization === undefined) {
      this.#copy.set(id, builder.input(tensor.name, typeOf(tensor)));
      return;
    }
    const { type, shifted } = this.#ioType(quantization);
    const given = builder.input(tensor.name, {
      dtype: type,
      shape: tensor.shape,
      quantization: shifted,
    });
    const own = type === this.dtype ? given : this.#requantize(given, tensor.name, quantization);
    this.#stored.set(id, [{ id: own, quantization }]);
  }

  #output(id: TensorId): TensorId {
    const [stored] = this.#stored.get(id) ?? [];
    if (stored === undefined || this.io === 'float32') return this.#float(id);
    const { type, shifted } = this.#ioType(stored.quantization);
    if (type === this.dtype) return stored.id;
    return this.#requantize(stored.id, this.graph.tensor(id).name, shifted, type);
  }

  /** uint8 is int8 with 128 added. */
  #ioType(quantization: AffineQuantization) {
    if (this.io !== 'uint8') {
      return { type: this.dtype, shifted: quantization } as const;
    }
    const zeroPoint = quantization.zeroPoint.map((zero) => zero + 128);
    return { type: 'uint8', shifted: { ...quantization, zeroPoint } } as const;
  }

  #requantize(
    id: TensorId,
    name: string,
    quantization: AffineQuantization,
    dtype: ActivationDType | 'uint8' = this.dtype,
  ): TensorId {
    const { shape } = this.#copy.builder.type(id);
    const outputs = [{ dtype, shape, quantization }];
    return this.#copy.builder.add('QUANTIZE', [id], {}, { name, outputs })[0]!;
  }

  #floatNode(node: Node): void {
    const inputs = node.inputs.map((id) => (id === null ? null : this.#float(id)));
    const types = node.outputs.map((id) => typeOf(this.graph.tensor(id)));
    for (const [index, id] of this.#copy.node(node, inputs, types).entries()) {
      this.#copy.set(node.outputs[index]!, id);
    }
  }

  #integerNode(node: Node, form: IntegerForm): void {
    const shared = this.plan.shared.get(node.id);
    const activations = new Set(activationsOf(node, form));
    const replaced = form.weights && [form.weights.input, form.weights.bias];
    const inputs = node.inputs.map((id, index) => {
      if (id === null || replaced?.includes(index)) return null;
      if (!activations.has(id)) return this.#copy.find(id) ?? null;
      const wanted = form.symmetric?.includes(index) ? this.#symmetric(id) : shared;
      return this.#integers(id, wanted).id;
    });
    if (form.weights !== undefined) this.#weights(node, form, form.weights, inputs);
    const results = resultsOf(this.graph, node, form);
    const types = node.outputs.map((id) => {
      const quantization = this.plan.quantization.get(id);
      const type = typeOf(this.graph.tensor(id));
      const isStored = results.includes(id) && quantization !== undefined;
      return isStored ? { dtype: this.dtype, shape: type.shape, quantization } : type;
    });
    this.#copy.node(node, inputs, types).forEach((id, index) => {
      const { quantization } = types[index]!;
      const old = node.outputs[index]!;
      if (!results.includes(old)) this.#copy.set(old, id);
      else if (quantization?.kind === 'affine') this.#stored.set(old, [{ id, quantization }]);
    });
  }

  /** Puts integer weights and bias among the inputs of a node. */
  #weights(
    node: Node,
    form: IntegerForm,
    { input, axis, bias }: NonNullable<IntegerForm['weights']>,
    inputs: (TensorId | null)[],
  ): void {
    const [data] = activationsOf(node, form);
    const inputScale = this.#integers(data!).quantization.scale[0]!;
    const weights = this.graph.tensor(node.inputs[input]!);
    const biasId = node.inputs[bias] ?? null;
    const biasElements =
      biasId === null ? this.#zeroBias(node.op, weights.shape, axis) : floats(this.graph, biasId)!;
    const given = floats(this.graph, weights.id)!;
    const perOutput = given.length / weights.shape[axis]!;
    const dtype = weightType(node.op, this.choice.weights(node), perOutput);
    const { elements, quantization } = quantizeWeights(
      given,
      weights.shape,
      axis,
      biasElements,
      inputScale,
      dtype,
    );
    const packed = packWeights(elements, dtype);
    const { builder } = this.#copy;
    const { name, shape } = weights;
    inputs[input] = builder.constant(name, { dtype, shape, quantization }, elementBytes(packed));
    this.tensors.push({
      tensor: weights.name,
      node: node.name,
      op: node.op,
      shape: weights.shape,
      dtype,
      scales: quantization.scale.length,
      bytesBefore: weights.data!.byteLength,
      bytesAfter: packed.byteLength + 4 * quantization.scale.length,
    });
    if (biasElements === null) return;
    const stored = quantizeBias(biasElements, inputScale, quantization, this.dtype);
    const biasTensor = biasId === null ? null : this.graph.tensor(biasId);
    const { dtype: biasType, elements: whole, quantization: scales } = stored;
    const type = {
      dtype: biasType,
      shape: biasTensor?.shape ?? [whole.length],
      quantization: scales,
    };
    inputs[bias] = builder.constant(biasTensor?.name ?? `${name}/bias`, type, elementBytes(whole));
  }

  /**
   * The bias that stock kernels need where the model has none: convolutions of int16 take no other, and
   * fully connected ops sum up in 32 bits without one.
   */
  #zeroBias(op: OpName, shape: readonly number[], axis: number): Float32Array | null {
    const needsBias =
      op === 'CONV_2D' ||
      op === 'DEPTHWISE_CONV_2D' ||
      (op === 'FULLY_CONNECTED' && shape[1]! > MAX_INT32_DEPTH);
    return this.dtype === 'int16' && needsBias ? new Float32Array(shape[axis]!) : null;
  }

  /** The quantization of a value if its zero point is 0, or else another one of the same range. */
  #symmetric(id: TensorId): AffineQuantization {
    const planned = this.plan.quantization.get(id);
    if (planned?.zeroPoint[0] === 0) return planned;
    const range =
      planned === undefined
        ? rangeOf(floats(this.graph, id) ?? new Float32Array())
        : rangeStored(planned, this.dtype);
    return quantizationOf(range, this.dtype, true);
  }

  /** A value as integers: as it is planned, or with the scale that a node wants. */
  #integers(id: TensorId, wanted?: AffineQuantization): Stored {
    const forms = this.#stored.get(id) ?? [];
    this.#stored.set(id, forms);
    const elements = floats(this.graph, id);
    const quantization =
      wanted ??
      this.plan.quantization.get(id) ??
      quantizationOf(rangeOf(elements ?? new Float32Array()), this.dtype);
    const known = forms.find((form) => sameQuantization(form.quantization, quantization));
    if (known !== undefined) return known;
    const made = { id: this.#store(id, elements, forms[0], quantization), quantization };
    forms.push(made);
    return made;
  }

  #store(
    id: TensorId,
    elements: Float32Array | undefined,
    other: Stored | undefined,
    quantization: AffineQuantization,
  ): TensorId {
    if (elements !== undefined) {
      const stored = quantizeElements(elements, quantization, this.dtype);
      const { name, shape } = this.graph.tensor(id);
      const type = { dtype: this.dtype, shape, quantization };
      return this.#copy.builder.constant(name, type, elementBytes(stored));
    }
    const source = other?.id ?? this.#copy.find(id)!;
    return this.#requantize(source, this.graph.tensor(id).name, quantization);
  }

  /** A value as it is stored in the old graph. */
  #float(id: TensorId): TensorId {
    const found = this.#copy.find(id);
    if (found !== undefined) return found;
    const [stored] = this.#stored.get(id)!;
    const { name, shape } = this.graph.tensor(id);
    const outputs = [{ dtype: 'float32', shape } as const];
    const made = this.#copy.builder.add('DEQUANTIZE', [stored!.id], {}, { name, outputs })[0]!;
    this.#copy.set(id, made);
    return made;
  }
}
