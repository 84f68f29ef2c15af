import {
  type DType,
  LinnetError,
  type OpName,
  type OptionsOf,
  opRecord,
  type TensorType,
} from '@linnet/schema';
import type { GraphBuilder } from '../../graph/builder.js';
import { constantElements } from '../../graph/constant.js';
import type { Tensor, TensorId } from '../../graph/graph.js';
import { dimValues } from '../../passes/dims.js';
import { evaluateTensor } from '../../passes/evaluate.js';
import type { Attributes } from './attributes.js';
import type { TfNode, TfRef } from './node.js';
import { numberBytes } from './numbers.js';
import type { TfTensor } from './tensor.js';

/** What importers of stateful and nested ops need from the importer of the graph. */
export interface GraphAccess {
  readonly builder: GraphBuilder;
  /** The tensor that a data input reads. */
  tensor(node: TfNode, index: number): TensorId;
  /** The tensor that an output of a node imported before is. */
  value(ref: TfRef): TensorId;
  /** Adds a constant named after a node. */
  constant(node: TfNode, tensor: TfTensor): TensorId;
  /** The present value of the variable that an input refers to. */
  readVariable(node: TfNode, index: number): TensorId;
  /** Stores a value in the variable that an input refers to. */
  writeVariable(node: TfNode, index: number, value: TensorId): void;
  /** Adds the builtin IF or WHILE that a node means; returns its outputs. */
  conditional(node: TfNode): readonly TensorId[];
  loop(node: TfNode): readonly TensorId[];
}

/** A TensorFlow node in the middle of being written as builtins. */
export class Site {
  constructor(
    readonly node: TfNode,
    readonly graph: GraphAccess,
  ) {}

  get attrs(): Attributes {
    return this.node.attrs;
  }

  get inputCount(): number {
    return this.node.inputs.length;
  }

  input(index: number): TensorId {
    if (index >= this.inputCount) throw this.incomplete();
    return this.graph.tensor(this.node, index);
  }

  /** The inputs from `start` up to `end`. */
  inputs(start = 0, end = this.inputCount): readonly TensorId[] {
    return Array.from({ length: end - start }, (_, index) => this.input(start + index));
  }

  /** dtype, shape and name of a tensor of the graph. */
  type(id: TensorId): Tensor {
    this.require(id);
    return this.graph.builder.type(id);
  }

  rank(id: TensorId): number {
    return this.type(id).shape.length;
  }

  /** The elements of a tensor when they are known while converting. */
  known(id: TensorId): readonly number[] | undefined {
    const elements = constantElements(this.type(id));
    if (elements !== undefined) return Array.from(elements as ArrayLike<number | bigint>, Number);
    const values = dimValues(this.graph.builder.graph, id);
    if (values?.every((value) => typeof value === 'number')) return values;
    const computed = evaluateTensor(this.graph.builder.graph, id)?.elements;
    return computed && Array.from(computed as ArrayLike<number | bigint>, Number);
  }

  /**
   * The elements of input `index`, which must be known while converting.
   *
   * @throws LinnetError UNSUPPORTED
   */
  constant(index: number, what: string): readonly number[] {
    const values = this.known(this.input(index));
    if (values !== undefined) return values;
    throw this.unsupported(
      `its ${what} (input ${index}) is computed while the model runs; only a constant is supported`,
      'If it depends on the shape of an input, state that shape with --input-shape name:1,...',
    );
  }

  /** The axis in input `index`, as a number from 0 to rank - 1. */
  axis(index: number, rank: number): number {
    const [axis = 0] = this.constant(index, 'axis');
    return axis < 0 ? axis + rank : axis;
  }

  /** Adds a builtin with one output. `output` states what inference cannot know. */
  add<N extends OpName>(
    op: N,
    inputs: readonly (TensorId | null)[],
    options: Partial<OptionsOf<N>> = {},
    output?: TensorType,
  ): TensorId {
    return this.addMany(op, inputs, options, output === undefined ? [] : [output])[0]!;
  }

  /** Adds a builtin; inputs that steer it are written as constants where they are known. */
  addMany<N extends OpName>(
    op: N,
    inputs: readonly (TensorId | null)[],
    options: Partial<OptionsOf<N>> = {},
    outputs: readonly TensorType[] = [],
  ): readonly TensorId[] {
    for (const id of inputs) if (id !== null) this.require(id);
    const steering = opRecord(op).valueInputs ?? [];
    const settled = inputs.map((id, index) =>
      id !== null && steering.includes(index) ? this.settle(id) : id,
    );
    return this.graph.builder.add(op, settled, options, { name: this.node.name, outputs });
  }

  /** A constant of rank 1. */
  vector(values: readonly number[], dtype: DType = 'int32'): TensorId {
    return this.literal({ dtype, shape: [values.length] }, values);
  }

  /** A constant of rank 0. */
  /** A float32 constant. */
  floats(shape: readonly number[], values: readonly number[]): TensorId {
    return this.literal({ dtype: 'float32', shape }, values);
  }

  scalar(value: number, dtype: DType = 'int32'): TensorId {
    return this.literal({ dtype, shape: [] }, [value]);
  }

  /** A constant of rank 0 of the dtype of another tensor. */
  scalarLike(value: number, like: TensorId): TensorId {
    return this.scalar(value, this.type(like).dtype);
  }

  /** An error that says why this node cannot be converted and what to do. */
  unsupported(reason: string, ...notes: readonly string[]): LinnetError {
    const { name, op } = this.node;
    return new LinnetError('UNSUPPORTED', `${op} ${name}: ${reason}`, this.where, notes);
  }

  /** Importers take the inputs that their op has apart; a malformed node has fewer. */
  private require(id: TensorId | undefined): void {
    if (id === undefined) throw this.incomplete();
  }

  private incomplete(): LinnetError {
    return new LinnetError(
      'INVALID_MODEL',
      `the node has too few inputs (${this.inputCount})`,
      this.where,
    );
  }

  private get where() {
    return { node: this.node.name, op: this.node.op };
  }

  private literal(type: TensorType, values: readonly number[]): TensorId {
    return this.graph.builder.constant(this.node.name, type, numberBytes(type.dtype, values));
  }

  private settle(id: TensorId): TensorId {
    const type = this.type(id);
    const values = type.data === null ? this.known(id) : undefined;
    return values === undefined
      ? id
      : this.literal({ dtype: type.dtype, shape: type.shape }, values);
  }
}

/** Writes one TensorFlow op as builtins; returns its outputs (one, or all of them in order). */
export type TfImport = (site: Site) => TensorId | readonly TensorId[];

/** Importers by the name of the TensorFlow op. */
export type TfOps = Readonly<Record<string, TfImport>>;
