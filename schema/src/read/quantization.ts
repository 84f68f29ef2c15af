import { LinnetError } from '../errors.js';
import { BlockwiseQuantization } from '../generated/tables/blockwise-quantization.js';
import { QuantizationDetails } from '../generated/tables/quantization-details.js';
import type { QuantizationParameters } from '../generated/tables/quantization-parameters.js';
import { type Quantization, UNKNOWN_DIM } from '../tensor-type.js';
import { checkIndices, fail, list } from './fail.js';

/**
 * The quantization of a tensor of a given shape, or undefined when it has none.
 *
 * @param tensorCount the number of tensors in the subgraph, which blockwise quantization refers to
 */
export function readQuantization(
  parameters: QuantizationParameters,
  shape: readonly number[],
  tensorCount: number,
  tensor: string,
): Quantization | undefined {
  const details = parameters.detailsType();
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
  const count = parameters.scaleLength();
  if (count === 0) return undefined;
  const axis = parameters.quantizedDimension();
  checkAxis(count, axis, shape, tensor);
  return {
    kind: 'affine',
    scale: Float32Array.from(list(count, (index) => parameters.scale(index))),
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

function readZeroPoints(
  parameters: QuantizationParameters,
  count: number,
  tensor: string,
): Int32Array {
  const length = parameters.zeroPointLength();
  if (length > 1 && length !== count) {
    fail(`it has ${count} scales and ${length} zero points.`, { tensor });
  }
  const zeroPoints = new Int32Array(count);
  for (let index = 0; index < count && length > 0; index++) {
    const value = parameters.zeroPoint(length === 1 ? 0 : index) ?? 0n;
    if (value !== BigInt.asIntN(32, value)) {
      fail(`its zero point ${value} does not fit into 32 bits.`, { tensor });
    }
    zeroPoints[index] = Number(value);
  }
  return zeroPoints;
}

function readRange<K extends 'min' | 'max'>(
  parameters: QuantizationParameters,
  field: K,
): Partial<Record<K, Float32Array>> {
  const count = parameters[`${field}Length`]();
  if (count === 0) return {};
  const values = Float32Array.from(list(count, (index) => parameters[field](index)));
  return { [field]: values } as Record<K, Float32Array>;
}

function readBlockwise(
  parameters: QuantizationParameters,
  tensorCount: number,
  tensor: string,
): Quantization {
  const blockwise: BlockwiseQuantization | null = parameters.details(new BlockwiseQuantization());
  if (blockwise === null) fail('its blockwise quantization is missing.', { tensor });
  const scales = blockwise.scales();
  const zeroPoints = blockwise.zeroPoints();
  const blockSize = blockwise.blockSize();
  checkIndices([scales], 0, tensorCount, 'its tensor of scales', { tensor });
  checkIndices([zeroPoints], -1, tensorCount, 'its tensor of zero points', { tensor });
  if (blockSize <= 0) fail(`its quantization blocks have ${blockSize} elements.`, { tensor });
  return { kind: 'blockwise', scales, zeroPoints, blockSize };
}
