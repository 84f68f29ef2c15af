/** What the records of all families use to look at a site and to refuse it. */
import { type DType, dtypeFromCode } from '../dtype.js';
import { LinnetError } from '../errors.js';
import type { TensorType as TypeCode } from '../generated/enums/tensor-type.js';
import { formatType, MAX_RANK, type TensorType, UNKNOWN_DIM } from '../tensor-type.js';
import type { OpSite } from './op.js';

/** A site whose options do not matter. */
export type AnySite = OpSite<unknown>;

/** Refuses the node: `message` names the input or option that is wrong and what was expected. */
export function refuse(message: string, ...notes: string[]): never {
  throw new LinnetError('INVALID_MODEL', message, {}, notes);
}

/** Input `index`; refuses the node when it is left out. `name` is what messages call it. */
export function input(site: AnySite, index: number, name: string): TensorType {
  const type = site.inputs[index];
  if (type == null) refuse(`Input ${index} (${name}) is missing.`);
  return type;
}

/** Input `index` with a rank in the range given. */
export function inputOfRank(
  site: AnySite,
  index: number,
  name: string,
  min: number,
  max: number = min,
): TensorType {
  const type = input(site, index, name);
  if (type.shape.length < min || type.shape.length > max) {
    const expected = min === max ? `rank ${min}` : `a rank from ${min} to ${max}`;
    refuse(`Input ${index} (${name}) is ${formatType(type)}; expected ${expected}.`);
  }
  return type;
}

/** Throws unless input `index` has one of the dtypes given. */
export function requireDtype(
  site: AnySite,
  index: number,
  name: string,
  ...expected: DType[]
): void {
  const type = input(site, index, name);
  if (!expected.includes(type.dtype)) {
    refuse(`Input ${index} (${name}) is ${formatType(type)}; expected ${expected.join(' or ')}.`);
  }
}

/** Throws unless the two inputs have the same dtype. */
export function requireSameDtype(site: AnySite, first: number, second: number): void {
  const a = input(site, first, 'operand');
  const b = input(site, second, 'operand');
  if (a.dtype !== b.dtype) {
    refuse(
      `Inputs ${first} and ${second} are ${formatType(a)} and ${formatType(b)}; expected the same dtype.`,
    );
  }
}

/** The integers in input `index`, or undefined when they are not known yet. */
export function integers(
  site: AnySite,
  index: number,
  name: string,
): readonly number[] | undefined {
  requireDtype(site, index, name, 'int32', 'int64', 'int16', 'uint32', 'int8', 'uint8');
  const values = site.value(index);
  return values && Array.from(values as ArrayLike<number | bigint>, Number);
}

/** The one integer in input `index`, or undefined when it is not known yet. */
export function integer(site: AnySite, index: number, name: string): number | undefined {
  const values = integers(site, index, name);
  if (values === undefined) return undefined;
  if (values.length !== 1) {
    refuse(`Input ${index} (${name}) has ${values.length} elements; expected one.`);
  }
  return values[0];
}

/** How many elements a list-like input has; UNKNOWN_DIM when that is not known yet. */
export function listLength(site: AnySite, index: number, name: string): number {
  const { shape } = inputOfRank(site, index, name, 0, 1);
  return shape[0] ?? 1;
}

/** `axis` counted from the front; refuses one outside the rank. */
export function normalizeAxis(axis: number, rank: number, name = 'axis'): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (normalized < 0 || normalized >= rank) {
    refuse(`The ${name} is ${axis}; expected one of a tensor of rank ${rank}.`);
  }
  return normalized;
}

/** Output `index` with the quantization that the node declares for it. */
export function output(
  site: AnySite,
  index: number,
  dtype: DType,
  shape: readonly number[],
): TensorType {
  const quantization = site.outputs[index]?.quantization;
  return quantization ? { dtype, shape, quantization } : { dtype, shape };
}

/**
 * Output `index` of an op that moves elements without changing them: the scale of `source` holds
 * for it too, unless the node declares its own.
 */
export function moved(
  site: AnySite,
  index: number,
  source: TensorType,
  shape: readonly number[],
): TensorType {
  const declared = output(site, index, source.dtype, shape);
  const { quantization } = source;
  const perTensor = quantization?.kind === 'affine' && quantization.scale.length === 1;
  return declared.quantization || !perTensor ? declared : { ...declared, quantization };
}

/**
 * The dtype of a result computed from `dtype`: integers of up to 16 bits are quantized numbers, and
 * the node chooses in which integer type it stores them.
 */
export function computedDtype(site: AnySite, dtype: DType): DType {
  const declared = site.outputs[0]?.dtype;
  return declared && /^u?int(2|4|8|16)$/.test(dtype) && /^u?int/.test(declared) ? declared : dtype;
}

/** The rank that the node declares for output 0, or `fallback` when it declares none. */
export function declaredRank(site: AnySite, fallback: number): number {
  return site.outputs[0]?.shape.length ?? fallback;
}

/** A shape of which only the rank is known. */
export function unknownShape(rank: number): readonly number[] {
  if (rank > MAX_RANK) refuse(`A shape has ${rank} dimensions; ${MAX_RANK} is the limit.`);
  return new Array<number>(rank).fill(UNKNOWN_DIM);
}

/** The shape in input `index`; of unknown dimensions while its contents are not known. */
export function shapeInput(site: AnySite, index: number): readonly number[] {
  const length = listLength(site, index, 'shape');
  const unknown = unknownShape(length === UNKNOWN_DIM ? declaredRank(site, 0) : length);
  const shape = integers(site, index, 'shape');
  if (shape?.some((dim) => dim < 0)) {
    refuse(`Input ${index} (shape) is [${shape}]; expected no negative dimension.`);
  }
  return shape ?? unknown;
}

/** `compute` of dimensions that are all known, else UNKNOWN_DIM. */
export function dimOf<D extends number[]>(compute: (...dims: D) => number, ...dims: D): number {
  return dims.includes(UNKNOWN_DIM) ? UNKNOWN_DIM : compute(...dims);
}

export const productOf = (dims: readonly number[]): number =>
  dimOf((...known: number[]) => known.reduce((product, dim) => product * dim, 1), ...dims);

/** The common value of two dimensions that must agree; `what` names them in the message. */
export function unify(a: number, b: number, what: string): number {
  if (a === UNKNOWN_DIM) return b;
  if (b !== UNKNOWN_DIM && a !== b) refuse(`${what}: ${a} and ${b} differ.`);
  return a;
}

/** The shape that all of `shapes` broadcast to, aligned at their last dimensions. */
export function broadcast(...shapes: readonly (readonly number[])[]): readonly number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, position) => {
    let result = 1;
    for (const shape of shapes) {
      const dim = shape[position - rank + shape.length] ?? 1;
      if (dim === result || dim === 1) continue;
      if (result === 1 || (result === UNKNOWN_DIM && dim !== UNKNOWN_DIM)) result = dim;
      else if (dim !== UNKNOWN_DIM) {
        const list = shapes.map((s) => `[${s}]`).join(', ');
        refuse(`The shapes ${list} do not broadcast: ${result} and ${dim} differ.`);
      }
    }
    return result;
  });
}

/** `shape` with one dimension replaced. */
export function withDim(shape: readonly number[], axis: number, dim: number): readonly number[] {
  return shape.map((size, index) => (index === axis ? dim : size));
}

/** `shape` without one dimension. */
export function withoutDim(shape: readonly number[], axis: number): readonly number[] {
  return shape.filter((_, index) => index !== axis);
}

export function isFloat(type: TensorType | null | undefined): boolean {
  return type != null && /float/.test(type.dtype);
}

/** The dtype of output `index`, which holds positions: as declared, else as the option says. */
export function indexDtype(site: AnySite, index: number, option: TypeCode): DType {
  const dtype = site.outputs[index]?.dtype ?? dtypeFromCode(option);
  return dtype === 'int64' || dtype === 'int16' ? dtype : 'int32';
}
