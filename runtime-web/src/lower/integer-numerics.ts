/** Products of integers, by the types of what goes in and out. */
import type { TensorType } from '@linnet/schema';
import type { Channels, IntegerNumerics, Product } from './numerics.js';
import { type PerTensor, perTensor } from './quantization.js';

/** The arithmetic that kernels have for a product that is not of float32 alone; null when they have none. */
export function integerNumerics(product: Product): IntegerNumerics | null {
  const { input, weights, bias, output, units } = product;
  if (input.type.dtype === 'int16') return wordsOf(product);
  const channels = channelsOf(product);
  if (channels === null) return null;
  if (input.type.dtype === 'float32' && output.type.dtype === 'float32') {
    const isHybrid =
      units !== null && weights.value !== undefined && weights.type.dtype !== 'uint8';
    const hasBias = bias === null || (bias.type.dtype === 'float32' && bias.value !== undefined);
    return isHybrid && hasBias ? { kind: 'hybrid', units, channels } : null;
  }
  const [x, y] = [bytes(input.type), bytes(output.type)];
  if (x === null || y === null || (bias !== null && bias.type.dtype !== 'int32')) return null;
  return { kind: 'integer', input: x, output: y, channels };
}

/** Products of int16 in the form in which stock kernels sum up in 64 bits; null for others. */
function wordsOf(product: Product): IntegerNumerics | null {
  const { weights, bias } = product;
  const [x, y] = [words(product.input.type), words(product.output.type)];
  if (x === null || y === null) return null;
  const hasBias = bias === null || (bias.type.dtype === 'int64' && bias.value !== undefined);
  if (!hasBias) return null;
  if (weights.type.dtype === 'int16') {
    const right = words(weights.type);
    return right && { kind: 'words', input: x, output: y, scale: Float32Array.of(right.scale) };
  }
  const channels = weights.value === undefined ? null : channelsOf(product);
  const isSymmetric = channels?.zeroPoint.every((zero) => zero === 0);
  return isSymmetric
    ? { kind: 'words', input: x, output: y, scale: channels?.scale as Float32Array }
    : null;
}

/** The quantization of an int16 tensor of zero point 0; null for anything else. */
function words(type: TensorType): PerTensor | null {
  const quantization = type.dtype === 'int16' ? perTensor(type) : null;
  return quantization?.zero === 0 ? quantization : null;
}

/** The quantization of an 8-bit tensor as a whole; null for anything else. */
function bytes(type: TensorType): PerTensor | null {
  return type.dtype === 'int8' || type.dtype === 'uint8' ? perTensor(type) : null;
}

function channelsOf({ weights: { type, value }, channelAxis }: Product): Channels | null {
  const { dtype, quantization, shape } = type;
  if (dtype !== 'int8' && dtype !== 'uint8' && dtype !== 'int4') return null;
  if (quantization?.kind !== 'affine') return null;
  const { scale, zeroPoint, axis } = quantization;
  if (scale.length === 0 || scale.length !== zeroPoint.length) return null;
  const isPerChannel = scale.length > 1;
  if (isPerChannel && (axis !== channelAxis || shape[axis] !== scale.length)) return null;
  // Weights that are packed when the model runs have one byte each and one zero point.
  const hasOneZero = zeroPoint.every((zero) => zero === zeroPoint[0]);
  if (value === undefined && (dtype === 'int4' || !hasOneZero)) return null;
  return { scale, zeroPoint };
}
