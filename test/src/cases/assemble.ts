/** Writes down models by hand, node by node. */
import {
  type BuiltinNode,
  completeOptions,
  elementCount,
  encodeStrings,
  lowestVersion,
  type Model,
  type OpName,
  type OpRecord,
  type OptionsOf,
  opRecord,
  type Sparsity,
  type Subgraph,
  type Tensor,
  type TensorElements,
  type TensorType,
  type TypedArray,
} from '@linnet/schema';
import { f16, Operand } from './operand.js';

/** Elements as a file stores them. */
export function bytesOf(type: TensorType, elements: TensorElements): Uint8Array {
  if (Array.isArray(elements)) return encodeStrings(elements);
  const array = elements as TypedArray;
  if (type.dtype === 'int4') {
    return Uint8Array.from({ length: Math.ceil(array.length / 2) }, (_, i) => {
      const [low, high] = [Number(array[2 * i]), Number(array[2 * i + 1] ?? 0)];
      return (low & 15) | ((high & 15) << 4);
    });
  }
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Collects the tensors and nodes of one subgraph; types of outputs come from the ops' inference. */
export class SubgraphAssembly {
  private readonly tensors: Tensor[] = [];
  private readonly values = new Map<number, TypedArray>();
  private readonly operators: BuiltinNode[] = [];
  private readonly inputs: number[] = [];

  constructor(
    private readonly name: string,
    /** Random contents follow from it. */
    private readonly seed: string,
  ) {}

  /** Adds an operand as its role says; returns the tensor's index, or -1 for a left-out input. */
  add(given: Operand | null, sparse?: { sparsity: Sparsity; data: Uint8Array }): number {
    if (given === null) return -1;
    const operand = this.withScales(given);
    const index = this.tensors.length;
    const isConstant = operand.role === 'constant';
    let data: Uint8Array | null = sparse?.data ?? null;
    if (isConstant && !sparse) {
      const elements = operand.elements(`${this.seed}/${this.name}/${index}`);
      data = bytesOf(operand.type, elements);
      if (!Array.isArray(elements)) this.values.set(index, elements as TypedArray);
    }
    this.tensors.push({
      ...operand.type,
      name: `${this.name}_${index}`,
      data,
      isVariable: operand.role === 'variable',
      ...(sparse && { sparsity: sparse.sparsity }),
    });
    if (operand.role === 'input') this.inputs.push(index);
    return index;
  }

  /** Adds a node; `outputs` declare dtypes and quantization. Returns the outputs' indices. */
  node<N extends OpName>(
    op: N,
    inputs: readonly number[],
    outputs: readonly Operand[],
    options: Partial<OptionsOf<N>> = {},
    intermediates: readonly Operand[] = [],
  ): number[] {
    const record: OpRecord<OptionsOf<N>> = opRecord(op);
    const full = completeOptions(op, options);
    const site = {
      options: full as OptionsOf<N>,
      inputs: inputs.map((id) => (id < 0 ? null : this.tensors[id]!)),
      outputs: outputs.map(({ type }) => type),
      value: (index: number) => this.values.get(inputs[index] ?? -1),
    };
    const node = {
      op,
      options: full,
      inputs,
      outputs: record.infer(site).map((type) => this.place(type)),
      version: lowestVersion(op, site),
      ...(intermediates.length > 0 && {
        intermediates: intermediates.map(({ type }) => this.place(type)),
      }),
    };
    this.operators.push(node as unknown as BuiltinNode);
    return node.outputs;
  }

  /** The operand; if it is quantized in blocks, with a tensor of their scales. */
  private withScales(operand: Operand): Operand {
    const { type, contents, role } = operand;
    if (type.quantization?.kind !== 'blockwise') return operand;
    const blocks = (elementCount(type.shape) ?? 0) / type.quantization.blockSize;
    const scales = this.add(f16(blocks).between(0.01, 0.1).constant());
    return new Operand({ ...type, quantization: { ...type.quantization, scales } }, contents, role);
  }

  /** Adds a tensor that nodes write. */
  private place(type: TensorType): number {
    const id = this.tensors.length;
    this.tensors.push({ ...type, name: `${this.name}_${id}`, data: null, isVariable: false });
    return id;
  }

  finish(outputs: readonly number[]): Subgraph {
    const { name, tensors, operators, inputs } = this;
    return { name, tensors, operators, inputs, outputs };
  }
}

/** A model with one signature, over its first subgraph, with inputs in0, in1, ... and outputs out0, ... */
export function modelOf(subgraphs: readonly Subgraph[]): Model {
  const [main] = subgraphs;
  const named = (prefix: string, ids: readonly number[]) =>
    ids.map((tensor, i) => ({ name: `${prefix}${i}`, tensor }));
  return {
    description: '',
    subgraphs,
    signatures: [
      {
        key: 'serving_default',
        subgraph: 0,
        inputs: named('in', main!.inputs),
        outputs: named('out', main!.outputs),
      },
    ],
    metadata: [],
  };
}
