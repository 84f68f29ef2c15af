import { LinnetError } from '../errors.js';
import { QuantizationDetails } from '../generated/enums/quantization-details.js';
import { BlockwiseQuantization, QuantizationParameters } from '../generated/tables.js';
import { type Quantization, UNKNOWN_DIM } from '../tensor-type.js';
import { checkIndices, fail } from './fail.js';
import type { Table } from './table.js';

/**
 * The quantization of a tensor of a given shape, or undefined when it has none.
 *
 * @param tensorCount the number of tensors in the subgraph, which blockwise quantization refers to
 */
export function readQuantization(
  parameters: Table,
  shape: readonly number[],
  tensorCount: number,
  tensor: string,
): Quantization | undefined {
  const details = parameters.get(QuantizationParameters.detailsType);
  if (details === QuantizationDetails.BlockwiseQuantization) {
    return readBlockwise(parameters, tensorCount, tensor);
  }
  if (details !== QuantizationDetails.NONE) {
    throw new LinnetError(
      'UNSUPPORTED',
      `The tensor is quantized in a way that Linnet does not know (${QuantizationDetails[details] ?? details}).`,
      { tensor },
    );
  }
  const scale = parameters.get(QuantizationParameters.scale);
  const count = scale.length;
  if (count === 0) return undefined;
  const axis = parameters.get(QuantizationParameters.quantizedDimension);
  checkAxis(count, axis, shape, tensor);
  return {
    kind: 'affine',
    scale: Float32Array.from(scale),
    zeroPoint: readZeroPoints(parameters, count, tensor),
    axis,
    ...readRange(parameters, 'min'),
    ...readRange(parameters, 'max'),
  };
}

function checkAxis(scales: number, axis: number, shape: readonly number[], tensor: string): void {
  if (scales === 1) return;
  const size = shape[axis];
  if (size === undefined) {
    fail(`it is quantized along dimension ${axis}, but has only ${shape.length}.`, { tensor });
  }
  if (size !== UNKNOWN_DIM && size !== scales) {
    fail(`it has ${scales} scales for the ${size} slices of dimension ${axis}.`, { tensor });
  }
}

function readZeroPoints(parameters: Table, count: number, tensor: string): Int32Array {
  const stored = parameters.get(QuantizationParameters.zeroPoint);
  const { length } = stored;
  if (length > 1 && length !== count) {
    fail(`it has ${count} scales and ${length} zero points.`, { tensor });
  }
  const zeroPoints = new Int32Array(count);
  for (let index = 0; index < count && length > 0; index++) {
    const value = stored[length === 1 ? 0 : index] as bigint;
    if (value !== BigInt.asIntN(32, value)) {
      fail(`its zero point ${value} does not fit into 32 bits.`, { tensor });
    }
    zeroPoints[index] = Number(value);
  }
  return zeroPoints;
}

function readRange<K extends 'min' | 'max'>(
  parameters: Table,
  field: K,
): Partial<Record<K, Float32Array>> {
  const values = parameters.get(QuantizationParameters[field]);
  if (values.length === 0) return {};
  return { [field]: Float32Array.from(values) } as Record<K, Float32Array>;
}

function readBlockwise(parameters: Table, tensorCount: number, tensor: string): Quantization {
  const blockwise = parameters.get(QuantizationParameters.details);
  if (blockwise === null) fail('its blockwise quantization is missing.', { tensor });
  const scales = blockwise.get(BlockwiseQuantization.scales);
  const zeroPoints = blockwise.get(BlockwiseQuantization.zeroPoints);
  const blockSize = blockwise.get(BlockwiseQuantization.blockSize);
  checkIndices([scales], 0, tensorCount, 'its tensor of scales', { tensor });
  checkIndices([zeroPoints], -1, tensorCount, 'its tensor of zero points', { tensor });
  if (blockSize <= 0) fail(`its quantization blocks have ${blockSize} elements.`, { tensor });
  return { kind: 'blockwise', scales, zeroPoints, blockSize };
}
