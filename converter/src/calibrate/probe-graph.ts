import {
  completeOptions,
  type DType,
  dtypeCode,
  LinnetError,
  type Model,
  type NamedTensor,
  type Operator,
  type OpName,
  type OptionsOf,
  type Signature,
  type Subgraph,
  type Tensor,
  UNKNOWN_DIM,
} from '@linnet/schema';
import { write } from '@linnet/schema/write';

/** Where in the graph a tensor is made, before the first node: inputs and constants. */
const AT_START = -1;

/** Names of outputs that are read after a run; no one else sees them. */
const probeName = (index: number) => `probe:${index}`;

/**
 * A model to which ops are added that look at its tensors.
 *
 * Each added op runs right after the one that makes what it reads, so that tensors live no longer
 * than in the model itself, and statistics are computed by the runtime's kernels: what leaves the
 * model is as small as the statistics are.
 */
export class ProbeGraph {
  readonly signature: Signature;
  readonly subgraph: Subgraph;
  readonly #tensors: Tensor[];
  /** By tensor, the index of the node after which it is there. */
  readonly #madeBy: number[];
  /** Added ops by the index of the node that they follow. */
  readonly #added = new Map<number, Operator[]>();

  /**
   * @param key of the signature; may be left out where there is only one
   * @throws LinnetError INVALID_ARGUMENT when there is no such signature
   */
  constructor(
    readonly model: Model,
    key?: string,
  ) {
    this.signature = findSignature(model, key);
    this.subgraph = model.subgraphs[this.signature.subgraph] as Subgraph;
    this.#tensors = [...this.subgraph.tensors];
    this.#madeBy = this.#tensors.map(() => AT_START);
    this.subgraph.operators.forEach(({ outputs }, node) => {
      for (const output of outputs) this.#madeBy[output] = node;
    });
  }

  tensor(index: number): Tensor {
    return this.#tensors[index] as Tensor;
  }

  /** Floating-point tensors whose values come with a run: inputs and results of nodes. */
  get activations(): readonly number[] {
    const results = this.subgraph.operators.flatMap(({ outputs }) => outputs);
    const all = [...new Set([...this.subgraph.inputs, ...results])];
    return all.filter((index) => {
      const { dtype, data, isVariable } = this.tensor(index);
      return isReal(dtype) && data === null && !isVariable;
    });
  }

  /** The values of a floating-point or quantized tensor as float32. */
  real(tensor: number): number {
    const { dtype, shape, quantization } = this.tensor(tensor);
    if (dtype === 'float32') return tensor;
    if (quantization !== undefined) return this.op('DEQUANTIZE', [tensor], {}, shape);
    const types = { inDataType: dtypeCode(dtype), outDataType: dtypeCode('float32') };
    return this.op('CAST', [tensor], types, shape);
  }

  /** Adds integers, a vector of them such as axes unless a shape is given. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): number {
    const data = new Uint8Array(Int32Array.from(values).buffer);
    return this.#add({ dtype: 'int32', shape, data }, AT_START);
  }

  /** Adds a float32 constant. */
  constant(values: Float32Array, shape: readonly number[]): number {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return this.#add({ dtype: 'float32', shape, data }, AT_START);
  }

  /**
   * Adds an op with one float32 result.
   *
   * @param options laid over the op's defaults
   * @param shape of the result, as far as it is known
   */
  op<N extends OpName>(
    op: N,
    inputs: readonly number[],
    options: Partial<OptionsOf<N>>,
    shape: readonly number[],
  ): number {
    const after = Math.max(...inputs.map((input) => this.#madeBy[input] as number));
    const output = this.#add({ dtype: 'float32', shape, data: null }, after);
    const node = {
      op,
      options: completeOptions(op, options),
      inputs,
      outputs: [output],
      version: 1,
    } as unknown as Operator;
    const list = this.#added.get(after) ?? [];
    this.#added.set(after, [...list, node]);
    return output;
  }

  /** The elements of a tensor under another shape; one dimension may be open. */
  reshape(tensor: number, shape: readonly number[]): number {
    return this.op('RESHAPE', [tensor, this.integers(shape)], { newShape: [...shape] }, shape);
  }

  /** Every `steps[d]`th index of each dimension, from the first. */
  every(tensor: number, steps: readonly number[]): number {
    if (steps.every((step) => step <= 1)) return tensor;
    const unused = this.integers(steps.map(() => 0));
    const all = 2 ** steps.length - 1;
    const shape = this.tensor(tensor).shape.map((dim, i) => (steps[i] === 1 ? dim : UNKNOWN_DIM));
    const inputs = [tensor, unused, unused, this.integers(steps)];
    return this.op('STRIDED_SLICE', inputs, { beginMask: all, endMask: all }, shape);
  }

  /**
   * The model as a file with one signature: the chosen one's inputs, and `outputs` in that order as
   * its only outputs.
   *
   * @returns the file and the outputs' public names, in the order of `outputs`
   */
  finish(outputs: readonly number[]): { readonly bytes: Uint8Array; readonly names: string[] } {
    const { model, signature, subgraph } = this;
    const names = outputs.map((_, index) => probeName(index));
    const operators = [
      ...(this.#added.get(AT_START) ?? []),
      ...subgraph.operators.flatMap((node, index) => [node, ...(this.#added.get(index) ?? [])]),
    ];
    const probed: Subgraph = { ...subgraph, tensors: this.#tensors, operators, outputs };
    const bytes = write({
      ...model,
      subgraphs: model.subgraphs.map((other) => (other === subgraph ? probed : other)),
      signatures: [
        { ...signature, outputs: outputs.map((tensor, i) => ({ name: probeName(i), tensor })) },
      ],
    });
    return { bytes, names };
  }

  #add(tensor: Pick<Tensor, 'dtype' | 'shape' | 'data'>, madeBy: number): number {
    const index = this.#tensors.length;
    this.#tensors.push({ name: `probe:tensor:${index}`, isVariable: false, ...tensor });
    this.#madeBy.push(madeBy);
    return index;
  }
}

/** Of the dtypes in which activations are computed. */
export function isReal(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float16';
}

/** Whether a tensor holds numbers of the model, as they are or quantized. */
export function holdsReals({ dtype, quantization }: Tensor): boolean {
  return isReal(dtype) || ((dtype === 'int8' || dtype === 'int16') && quantization !== undefined);
}

/** A file without signatures has one entry point, named by its tensors. */
function findSignature(model: Model, key: string | undefined): Signature {
  const { signatures, subgraphs } = model;
  if (signatures.length === 0 && key === undefined) {
    const [main] = subgraphs as readonly [Subgraph];
    const named = (indices: readonly number[]): NamedTensor[] =>
      indices.map((tensor) => ({ name: main.tensors[tensor]?.name ?? '', tensor }));
    return { key: '', subgraph: 0, inputs: named(main.inputs), outputs: named(main.outputs) };
  }
  const found =
    key === undefined && signatures.length === 1
      ? signatures[0]
      : signatures.find((signature) => signature.key === key);
  if (found !== undefined) return found;
  const keys = signatures.map((signature) => signature.key).join(', ') || 'none';
  throw new LinnetError(
    'INVALID_ARGUMENT',
    key === undefined
      ? 'the model has several signatures; say which to calibrate'
      : `the model has no signature ${key}`,
    {},
    [`It has: ${keys}.`],
  );
}
