/** Small models for tests of the runtime, written as files. */
import {
  type BuiltinNode,
  completeOptions,
  type DType,
  type ForeignNode,
  type Model,
  type OpName,
  type OptionsOf,
  type Signature,
  type Subgraph,
  type Tensor,
  type TypedArray,
} from '@linnet/schema';
import { write } from '@linnet/schema/write';

export function tensor(
  name: string,
  dtype: DType,
  shape: readonly number[],
  values?: TypedArray,
): Tensor {
  const data = values ? new Uint8Array(values.buffer, values.byteOffset, values.byteLength) : null;
  return { name, dtype, shape, data, isVariable: false };
}

export function node<N extends OpName>(
  op: N,
  inputs: readonly number[],
  outputs: readonly number[],
  options: Partial<OptionsOf<N>> = {},
): BuiltinNode {
  return {
    op,
    options: completeOptions(op, options),
    inputs,
    outputs,
    version: 1,
  } as unknown as BuiltinNode;
}

export function customNode(
  foreignName: string,
  inputs: readonly number[],
  outputs: readonly number[],
): ForeignNode {
  return {
    op: null,
    foreignName,
    builtinCode: null,
    customOptions: new Uint8Array(),
    inputs,
    outputs,
    version: 1,
  };
}

export function graph(parts: Omit<Subgraph, 'name'> & { readonly name?: string }): Subgraph {
  return { name: 'main', ...parts };
}

export function file(
  subgraphs: readonly Subgraph[],
  signatures: readonly Signature[] = [],
): Uint8Array {
  const model: Model = { description: '', subgraphs, signatures, metadata: [] };
  return write(model);
}

/** y = x + x, for x of the given shape. */
export function doubling(shape: readonly number[] = [4], dtype: DType = 'float32'): Uint8Array {
  return file([
    graph({
      tensors: [tensor('x', dtype, shape), tensor('y', dtype, shape)],
      operators: [node('ADD', [0, 0], [1])],
      inputs: [0],
      outputs: [1],
    }),
  ]);
}

/** while (i < limit) { i++; v = body(v) } */
export function loop(limit: number, grows: boolean): Uint8Array {
  return file([
    graph({
      tensors: [
        tensor('i', 'int32', []),
        tensor('v', 'float32', [-1]),
        tensor('n', 'int32', []),
        tensor('w', 'float32', [-1]),
      ],
      operators: [node('WHILE', [0, 1], [2, 3], { condSubgraphIndex: 1, bodySubgraphIndex: 2 })],
      inputs: [0, 1],
      outputs: [2, 3],
    }),
    graph({
      name: 'condition',
      tensors: [
        tensor('i', 'int32', []),
        tensor('v', 'float32', [-1]),
        tensor('limit', 'int32', [], Int32Array.of(limit)),
        tensor('go', 'bool', []),
      ],
      operators: [node('LESS', [0, 2], [3])],
      inputs: [0, 1],
      outputs: [3],
    }),
    graph({
      name: 'body',
      tensors: [
        tensor('i', 'int32', []),
        tensor('v', 'float32', [-1]),
        tensor('1', 'int32', [], Int32Array.of(limit > 1000 ? 0 : 1)),
        tensor('next', 'int32', []),
        tensor('w', 'float32', [-1]),
      ],
      operators: [
        node('ADD', [0, 2], [3]),
        grows ? node('CONCATENATION', [1, 1], [4]) : node('ADD', [1, 1], [4]),
      ],
      inputs: [0, 1],
      outputs: [3, 4],
    }),
  ]);
}
