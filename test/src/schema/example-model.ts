import { ActivationFunctionType, type Model, Padding, TensorTypeCode } from '@linnet/schema';

const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer);

/** A model that uses every part of the format once; it is well-formed, not useful. */
export function exampleModel(): Model {
  return {
    description: 'every part of the format, é',
    subgraphs: [
      {
        name: 'main',
        tensors: [
          { name: 'image', dtype: 'float32', shape: [-1, 8, 8, 3], data: null, isVariable: false },
          {
            name: 'filter',
            dtype: 'int8',
            shape: [2, 1, 1, 3],
            data: bytes(Int8Array.of(1, 2, 3, 4, 5, 6)),
            isVariable: false,
            quantization: {
              kind: 'affine',
              scale: Float32Array.of(0.5, 0.25),
              zeroPoint: Int32Array.of(0, 0),
              axis: 0,
              min: Float32Array.of(-1, -2),
              max: Float32Array.of(1, 2),
            },
          },
          {
            name: 'features',
            dtype: 'float32',
            shape: [-1, 4, 4, 2],
            data: null,
            isVariable: false,
          },
          { name: 'flag', dtype: 'bool', shape: [], data: Uint8Array.of(1), isVariable: false },
          { name: '', dtype: 'float32', shape: [-1, 4, 4, 2], data: null, isVariable: true },
          {
            name: 'sparse',
            dtype: 'float32',
            shape: [4, 4],
            data: bytes(Float32Array.of(1, 2, 3, 4)),
            isVariable: false,
            sparsity: {
              traversalOrder: [0, 1, 2, 3],
              blockMap: [0, 1],
              dims: [
                { format: 'dense', size: 2 },
                { format: 'sparse-csr', segments: [0, 1, 1], indices: [1] },
                { format: 'dense', size: 2 },
                { format: 'dense', size: 2 },
              ],
            },
          },
          {
            name: 'blocks',
            dtype: 'int4',
            shape: [2, 4],
            data: Uint8Array.of(0x21, 0x43, 0x65, 0x07),
            isVariable: false,
            quantization: { kind: 'blockwise', scales: 7, zeroPoints: -1, blockSize: 2 },
          },
          {
            name: 'scales',
            dtype: 'float16',
            shape: [2, 2],
            data: bytes(Uint16Array.of(0x3c00, 0x3c00, 0x3c00, 0x3c00)),
            isVariable: false,
          },
          {
            name: 'nothing',
            dtype: 'float32',
            shape: [0],
            data: new Uint8Array(),
            isVariable: false,
          },
        ],
        operators: [
          {
            op: 'CONV_2D',
            options: {
              padding: Padding.SAME,
              strideW: 2,
              strideH: 2,
              fusedActivationFunction: ActivationFunctionType.RELU6,
              dilationWFactor: 1,
              dilationHFactor: 1,
              quantizedBiasType: TensorTypeCode.FLOAT32,
            },
            inputs: [0, 1, -1],
            outputs: [2],
            version: 5,
          },
          {
            op: 'IF',
            options: { thenSubgraphIndex: 1, elseSubgraphIndex: 1 },
            inputs: [3, 2],
            outputs: [4],
            version: 1,
          },
          {
            op: null,
            foreignName: 'Mystery',
            builtinCode: null,
            customOptions: Uint8Array.of(9, 8, 7),
            inputs: [5],
            outputs: [],
            intermediates: [6],
            version: 2,
          },
        ],
        inputs: [0],
        outputs: [4],
      },
      {
        name: '',
        tensors: [
          { name: 'x', dtype: 'float32', shape: [-1, 4, 4, 2], data: null, isVariable: false },
          { name: 'y', dtype: 'float32', shape: [-1, 4, 4, 2], data: null, isVariable: false },
        ],
        operators: [{ op: 'ABS', options: {}, inputs: [0], outputs: [1], version: 1 }],
        inputs: [0],
        outputs: [1],
      },
    ],
    signatures: [
      {
        key: 'serving_default',
        subgraph: 0,
        inputs: [{ name: 'image', tensor: 0 }],
        outputs: [{ name: 'result', tensor: 4 }],
      },
    ],
    metadata: [{ name: 'note', data: Uint8Array.of(1, 2, 3) }],
  };
}
