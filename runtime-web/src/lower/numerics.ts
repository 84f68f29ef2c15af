/** In which arithmetic a sum of products runs, by the types of what goes in and out. */
import type { TensorType } from '@linnet/schema';
import type { Operand } from '../plan/lowering.js';
import type { Range } from './activation.js';
import { type PerTensor, perTensor } from './quantization.js';

/** The operands of a convolution, a matrix product or the like. */
export interface Product {
  readonly input: Operand;
  readonly weights: Operand;
  readonly bias: Operand | null;
  readonly output: Operand;
  readonly activation: Range;
  /** The dimension of the weights that output channels are counted in; null: per tensor only. */
  readonly channelAxis: number | null;
  /**
   * Slices of the input that are quantized each on its own when only weights are integers; null
   * where the op has no such form.
   */
  readonly units: number | null;
}

/** Weights that are integers, with what makes the sums of an output channel real. */
export interface Channels {
  /** One, or one per output channel. */
  readonly scale: Float32Array;
  readonly zeroPoint: Int32Array;
}

export type Numerics =
  | { readonly kind: 'float32' }
  | {
      readonly kind: 'integer';
      readonly input: PerTensor;
      readonly output: PerTensor;
      readonly channels: Channels;
    }
  | { readonly kind: 'hybrid'; readonly units: number; readonly channels: Channels };

/** The arithmetic that kernels have for a product; null when they have none. */
export function numericsOf(product: Product): Numerics | null {
  const { input, weights, bias, output, units } = product;
  const isFloat = [input, weights, output, ...(bias ? [bias] : [])].every(
    ({ type }) => type.dtype === 'float32',
  );
  if (isFloat) return { kind: 'float32' };
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
