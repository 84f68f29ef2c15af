/**
 * The numerics that all sums of products share (convolutions, fully connected, batch matmul).
 *
 * Integers: int8 or uint8 on both sides and at the output. The sum of (x - zx)(w - zw) plus the
 * bias is an exact int32; the output is zo + round_half_even(float32(sum) * s) with s the float32
 * nearest to sx * sw / so, the product rounded to float32, as XNNPACK requantizes.
 *
 * Words: int16 on both sides of zero point 0, weights of 8 or 16 bits, no bias or an int64 one. Sums of 64
 * bits are scaled by 15 bits of the factor, half up; where `hasWholeFactor`, in float64 and half away
 * from zero or, without a bias, by 31 bits and rounded twice, half up, as TFLite requantizes.
 *
 * Hybrid: float activations and int8 (or int4) weights. Activations are quantized here, to int8 with
 * one scale and zero point per unit (a row, an image); the output is float32(sum) * (sx * sw) + bias.
 *
 * Reals: everything else.
 */
import { type ActivationFunctionType, LinnetError, type TensorType } from '@linnet/schema';
import { activationOf, quantizedRange } from './activation.js';
import type { TensorValue } from './kernel.js';
import { clamp, roundHalfEven } from './numbers.js';
import {
  affine,
  allocate,
  channelOf,
  fromReals,
  isFloat,
  numericElements,
  reals,
  tensor,
} from './values.js';

export type Factors = Float32Array | Float64Array;

export interface Product {
  readonly input: TensorValue;
  readonly weights: TensorValue;
  /** One value per output channel. */
  readonly bias: TensorValue | null;
  readonly output: TensorType;
  readonly activation: ActivationFunctionType;
  /** How many units of the input are quantized on their own in the hybrid form; 0: no such form. */
  readonly hybridUnits: number;
  /** Sums of words are scaled by the whole factor. */
  readonly hasWholeFactor?: true;
  /** Sums of products, row-major as the output is, of factors with their zero points taken off. */
  readonly sum: (x: Factors, w: Factors) => Float64Array;
}

/** The product in the numerics that its dtypes call for. The last output dimension is the channel. */
export function evaluateProduct(product: Product): TensorValue {
  const { input, weights, output, hybridUnits } = product;
  if (isByte(input) && isByte(weights) && isByte(output)) return integerProduct(product);
  if (isWords(product)) return wordProduct(product);
  const narrow = weights.dtype === 'int8' || weights.dtype === 'int4';
  if (isFloat(input.dtype) && narrow && hybridUnits > 0) return hybridProduct(product);
  return realProduct(product);
}

function isByte(type: TensorType): boolean {
  return (type.dtype === 'int8' || type.dtype === 'uint8') && affine(type) !== undefined;
}

function isWords({ input, weights, bias, output }: Product): boolean {
  const isWeights =
    weights.dtype === 'int16' || weights.dtype === 'int8' || weights.dtype === 'int4';
  const isCentred = [input, weights, output].every(
    (type) => affine(type)?.zeroPoint.every((zero) => zero === 0) ?? false,
  );
  const hasWideBias = bias === null || bias.dtype === 'int64';
  return (
    input.dtype === 'int16' && output.dtype === 'int16' && isWeights && isCentred && hasWideBias
  );
}

function scaleOf(type: TensorType): number {
  const scale = affine(type)?.scale[0];
  if (scale === undefined) {
    throw new LinnetError('INVALID_MODEL', `A tensor of ${type.dtype} weights has no scale.`);
  }
  return scale;
}

/** The stored integers less their zero points. */
function centred(value: TensorValue): Float64Array {
  const elements = numericElements(value);
  const quantization = affine(value)!;
  const channel = channelOf(value.shape, quantization);
  return Float64Array.from(
    elements as ArrayLike<number>,
    (q, i) => q - quantization.zeroPoint[channel(i)]!,
  );
}

/** The scale of the weights that an output channel is made with. */
function weightScale(weights: TensorValue, channel: number): number {
  scaleOf(weights);
  const { scale } = affine(weights)!;
  return scale.length === 1 ? scale[0]! : scale[channel]!;
}

function channelsOf(output: TensorType): number {
  return output.shape.at(-1) ?? 1;
}

function integerProduct({ input, weights, bias, output, activation, sum }: Product): TensorValue {
  const sums = sum(centred(input), centred(weights));
  const biases = bias && numericElements(bias);
  const channels = channelsOf(output);
  const zeroPoint = affine(output)!.zeroPoint[0]!;
  const [low, high] = quantizedRange(activation, output);
  const elements = allocate(output.dtype, sums.length);
  for (let i = 0; i < sums.length; i++) {
    const c = i % channels;
    const scale = Math.fround((scaleOf(input) * weightScale(weights, c)) / scaleOf(output));
    const accumulated = (sums[i]! + Number(biases?.[c] ?? 0)) | 0;
    const scaled = Math.fround(Math.fround(accumulated) * scale);
    elements[i] = clamp(roundHalfEven(scaled) + zeroPoint, low, high);
  }
  return tensor(output, elements);
}

/** real as multiplier * 2^(shift - 31), the multiplier from 2^30 up to 2^31. */
function fixedPoint(real: number): { multiplier: bigint; shift: number } {
  let shift = Math.floor(Math.log2(real)) + 1;
  let multiplier = Math.round(real * 2 ** (31 - shift));
  if (multiplier === 2 ** 31) [multiplier, shift] = [2 ** 30, shift + 1];
  return { multiplier: BigInt(multiplier), shift };
}

/** x / 2^bits, half up. */
function halvedUp(x: bigint, bits: number): bigint {
  return bits > 0 ? (x + (1n << BigInt(bits - 1))) >> BigInt(bits) : x << BigInt(-bits);
}

/** How a sum of words is made an integer of the output. */
function rescaleWords(
  total: number,
  real: number,
  hasWholeFactor: boolean,
  hasBias: boolean,
): number {
  if (hasWholeFactor && hasBias) return Math.sign(total) * Math.round(Math.abs(total) * real);
  const { multiplier, shift } = fixedPoint(real);
  if (hasWholeFactor) {
    const left = BigInt(total) << BigInt(Math.max(shift, 0));
    return Number(halvedUp(halvedUp(left * multiplier, 31), Math.max(-shift, 0)));
  }
  const reduced = multiplier < 0x7fff0000n ? (multiplier + 0x8000n) >> 16n : 0x7fffn;
  return Number(halvedUp(BigInt(total) * reduced, 15 - shift));
}

function wordProduct(product: Product): TensorValue {
  const { input, weights, bias, output, activation, hasWholeFactor, sum } = product;
  const sums = sum(centred(input), centred(weights));
  const biases = bias && numericElements(bias);
  const channels = channelsOf(output);
  const [low, high] = quantizedRange(activation, output);
  const elements = allocate(output.dtype, sums.length);
  const hasOneScale = hasWholeFactor && affine(weights)?.scale.length === 1;
  const isSingle = weights.dtype === 'int16' || hasOneScale;
  for (let i = 0; i < sums.length; i++) {
    const c = i % channels;
    const scale = scaleOf(input) * weightScale(weights, c);
    const real = (isSingle ? Math.fround(scale) : scale) / scaleOf(output);
    const total = sums[i]! + Number(biases?.[c] ?? 0);
    const whole = hasWholeFactor === true;
    elements[i] = clamp(rescaleWords(total, real, whole, biases !== null), low, high);
  }
  return tensor(output, elements);
}

/** A run of reals as int8 with a scale and zero point of its own; the range always includes 0. */
function quantizeUnit(unit: Factors): { centred: Float64Array; scale: number } {
  const [qmin, qmax] = [-128, 127];
  const low = (unit as Float64Array).reduce((a, b) => Math.min(a, b), 0);
  const high = (unit as Float64Array).reduce((a, b) => Math.max(a, b), 0);
  const range = high / 2 - low / 2;
  // What the scale would be denormal for, which devices may take for 0.
  if (range < 127.5 * 2 ** -126) return { centred: new Float64Array(unit.length), scale: 1 };
  const scale = Math.fround(Math.fround(range) / 127.5);
  // The zero point comes from the end of the range that gives the smaller rounding error.
  const fromLow = qmin - low / scale;
  const fromHigh = qmax - high / scale;
  const closer = Math.abs(qmin) + Math.abs(low / scale) < Math.abs(qmax) + Math.abs(high / scale);
  const zeroPoint = clamp(roundHalfEven(closer ? fromLow : fromHigh), qmin, qmax);
  return {
    centred: Float64Array.from(
      unit,
      (x) => clamp(roundHalfEven(x / scale) + zeroPoint, qmin, qmax) - zeroPoint,
    ),
    scale,
  };
}

function hybridProduct(product: Product): TensorValue {
  const { input, weights, bias, output, activation, hybridUnits, sum } = product;
  const data = reals(input);
  const size = data.length / hybridUnits;
  const quantized = new Float64Array(data.length);
  const scales: number[] = [];
  for (let u = 0; u < hybridUnits; u++) {
    const unit = quantizeUnit(data.slice(u * size, (u + 1) * size));
    quantized.set(unit.centred, u * size);
    scales.push(unit.scale);
  }
  const sums = sum(quantized, centred(weights));
  const biases = bias && reals(bias);
  const channels = channelsOf(output);
  const activate = activationOf(activation);
  const perUnit = sums.length / hybridUnits;
  const result = sums.map((total, i) => {
    const c = i % channels;
    const scale = scales[Math.floor(i / perUnit)]! * weightScale(weights, c);
    return activate(total * scale + (biases?.[c] ?? 0));
  });
  return fromReals(output, result);
}

function realProduct({ input, weights, bias, output, activation, sum }: Product): TensorValue {
  const sums = sum(reals(input), reals(weights));
  const channels = channelsOf(output);
  const activate = activationOf(activation);
  // An integer bias counts in units of sx * sw, whatever quantization it carries itself.
  const unit = (c: number) =>
    bias && isFloat(bias.dtype) ? 1 : scaleOf(input) * weightScale(weights, c);
  const biases = bias && (isFloat(bias.dtype) ? reals(bias) : numericElements(bias));
  for (let i = 0; i < sums.length; i++) {
    const c = i % channels;
    sums[i] = activate(biases ? sums[i]! + Number(biases[c]) * unit(c) : sums[i]!);
  }
  return fromReals(output, sums);
}
