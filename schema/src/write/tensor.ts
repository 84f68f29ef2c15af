import type { Builder } from 'flatbuffers';
import { dtypeCode } from '../dtype.js';
import { BlockwiseQuantization } from '../generated/builders/blockwise-quantization.js';
import { DimensionMetadata } from '../generated/builders/dimension-metadata.js';
import { Int32Vector } from '../generated/builders/int32-vector.js';
import { QuantizationParameters } from '../generated/builders/quantization-parameters.js';
import { SparsityParameters } from '../generated/builders/sparsity-parameters.js';
import { Tensor as TensorTable } from '../generated/builders/tensor.js';
import { Uint8Vector } from '../generated/builders/uint8-vector.js';
import { Uint16Vector } from '../generated/builders/uint16-vector.js';
import { DimensionType } from '../generated/enums/dimension-type.js';
import { QuantizationDetails } from '../generated/enums/quantization-details.js';
import { SparseIndexVector } from '../generated/enums/sparse-index-vector.js';
import type { Sparsity, SparsityDim, Tensor } from '../model.js';
import { isStatic, type Quantization, UNKNOWN_DIM } from '../tensor-type.js';

/** Packs a tensor whose contents are in the buffer with the index given. */
export function packTensor(builder: Builder, tensor: Tensor, buffer: number): number {
  const quantization = tensor.quantization && packQuantization(builder, tensor.quantization);
  const sparsity = tensor.sparsity && packSparsity(builder, tensor.sparsity);
  const name = tensor.name === '' ? 0 : builder.createString(tensor.name);
  const fixed = tensor.shape.map((dim) => (dim === UNKNOWN_DIM ? 1 : dim));
  const shape = TensorTable.createShapeVector(builder, fixed);
  const signature = isStatic(tensor.shape)
    ? 0
    : TensorTable.createShapeSignatureVector(builder, [...tensor.shape]);
  TensorTable.startTensor(builder);
  TensorTable.addShape(builder, shape);
  TensorTable.addType(builder, dtypeCode(tensor.dtype));
  TensorTable.addBuffer(builder, buffer);
  TensorTable.addName(builder, name);
  TensorTable.addQuantization(builder, quantization ?? 0);
  TensorTable.addIsVariable(builder, tensor.isVariable);
  TensorTable.addSparsity(builder, sparsity ?? 0);
  TensorTable.addShapeSignature(builder, signature);
  TensorTable.addHasRank(builder, true);
  return TensorTable.endTensor(builder);
}

function packQuantization(builder: Builder, quantization: Quantization): number {
  if (quantization.kind === 'blockwise') {
    const { scales, zeroPoints, blockSize } = quantization;
    const details = BlockwiseQuantization.createBlockwiseQuantization(
      builder,
      scales,
      zeroPoints,
      blockSize,
    );
    QuantizationParameters.startQuantizationParameters(builder);
    QuantizationParameters.addDetailsType(builder, QuantizationDetails.BlockwiseQuantization);
    QuantizationParameters.addDetails(builder, details);
    return QuantizationParameters.endQuantizationParameters(builder);
  }
  const { scale, zeroPoint, axis, min, max } = quantization;
  const scales = QuantizationParameters.createScaleVector(builder, scale);
  const zeroPoints = QuantizationParameters.createZeroPointVector(
    builder,
    Array.from(zeroPoint, BigInt),
  );
  const mins = min ? QuantizationParameters.createMinVector(builder, min) : 0;
  const maxs = max ? QuantizationParameters.createMaxVector(builder, max) : 0;
  QuantizationParameters.startQuantizationParameters(builder);
  QuantizationParameters.addMin(builder, mins);
  QuantizationParameters.addMax(builder, maxs);
  QuantizationParameters.addScale(builder, scales);
  QuantizationParameters.addZeroPoint(builder, zeroPoints);
  QuantizationParameters.addQuantizedDimension(builder, axis);
  return QuantizationParameters.endQuantizationParameters(builder);
}

function packSparsity(builder: Builder, { traversalOrder, blockMap, dims }: Sparsity): number {
  const metadata = SparsityParameters.createDimMetadataVector(
    builder,
    dims.map((dim) => packSparsityDim(builder, dim)),
  );
  const order = SparsityParameters.createTraversalOrderVector(builder, [...traversalOrder]);
  const blocks =
    blockMap.length > 0 ? SparsityParameters.createBlockMapVector(builder, [...blockMap]) : 0;
  SparsityParameters.startSparsityParameters(builder);
  SparsityParameters.addTraversalOrder(builder, order);
  SparsityParameters.addBlockMap(builder, blocks);
  SparsityParameters.addDimMetadata(builder, metadata);
  return SparsityParameters.endSparsityParameters(builder);
}

function packSparsityDim(builder: Builder, dim: SparsityDim): number {
  if (dim.format === 'dense') {
    DimensionMetadata.startDimensionMetadata(builder);
    DimensionMetadata.addFormat(builder, DimensionType.DENSE);
    DimensionMetadata.addDenseSize(builder, dim.size);
    return DimensionMetadata.endDimensionMetadata(builder);
  }
  const [segments, segmentsType] = packIndices(builder, dim.segments);
  const [indices, indicesType] = packIndices(builder, dim.indices);
  DimensionMetadata.startDimensionMetadata(builder);
  DimensionMetadata.addFormat(builder, DimensionType.SPARSE_CSR);
  DimensionMetadata.addArraySegmentsType(builder, segmentsType);
  DimensionMetadata.addArraySegments(builder, segments);
  DimensionMetadata.addArrayIndicesType(builder, indicesType);
  DimensionMetadata.addArrayIndices(builder, indices);
  return DimensionMetadata.endDimensionMetadata(builder);
}

/** A vector of the narrowest type that holds all indices, and that type. */
function packIndices(
  builder: Builder,
  indices: readonly number[],
): readonly [offset: number, type: SparseIndexVector] {
  const most = indices.reduce((largest, index) => Math.max(largest, index), 0);
  const values = [...indices];
  if (most < 2 ** 8) {
    const vector = Uint8Vector.createValuesVector(builder, values);
    return [Uint8Vector.createUint8Vector(builder, vector), SparseIndexVector.Uint8Vector];
  }
  if (most < 2 ** 16) {
    const vector = Uint16Vector.createValuesVector(builder, values);
    return [Uint16Vector.createUint16Vector(builder, vector), SparseIndexVector.Uint16Vector];
  }
  const vector = Int32Vector.createValuesVector(builder, values);
  return [Int32Vector.createInt32Vector(builder, vector), SparseIndexVector.Int32Vector];
}
