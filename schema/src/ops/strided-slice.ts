import { UNKNOWN_DIM } from '../tensor-type.js';
import { refuse } from './site.js';

/** The masks of STRIDED_SLICE: bit i speaks of entry i of begin, end and strides. */
export interface SliceMasks {
  readonly beginMask: number;
  readonly endMask: number;
  readonly ellipsisMask: number;
  readonly newAxisMask: number;
  readonly shrinkAxisMask: number;
  /** `end` counts from `begin` instead of from the first element. */
  readonly offset: boolean;
}

/** Begin, end and strides; undefined while they are not known. */
export interface SliceSpec {
  readonly begin: readonly number[] | undefined;
  readonly end: readonly number[] | undefined;
  readonly strides: readonly number[] | undefined;
  /** Number of entries in each of the three. */
  readonly length: number;
}

/** The elements start, start + stride, ... (count of them) of one input dimension. */
export interface SlicedDim {
  readonly start: number;
  readonly stride: number;
  /** UNKNOWN_DIM while the dimension or the spec is not known. */
  readonly count: number;
}

export interface ResolvedSlice {
  /** One per input dimension. */
  readonly dims: readonly SlicedDim[];
  /** The output's shape: the counts, with new axes inserted and shrunk axes left out. */
  readonly shape: readonly number[];
}

/**
 * Resolves a STRIDED_SLICE of a tensor of the given shape, as TFLite does: an ellipsis stands for
 * as many whole dimensions as the other entries leave, a new axis takes no input dimension, a
 * shrunk one keeps a single element and disappears, and a masked begin or end is that of the whole
 * dimension. Bounds outside the dimension are clamped, except for shrunk axes, which are refused.
 */
export function resolveStridedSlice(
  shape: readonly number[],
  spec: SliceSpec,
  masks: SliceMasks,
): ResolvedSlice {
  const has = (mask: number, entry: number) => (mask & (1 << entry)) !== 0;
  if (spec.length > 31) refuse(`The slice has ${spec.length} entries; 31 is the limit.`);
  const entries = Array.from({ length: spec.length }, (_, entry) => entry);
  const ellipses = entries.filter((entry) => has(masks.ellipsisMask, entry));
  if (ellipses.length > 1) refuse('The slice has more than one ellipsis.');
  const isNew = (entry: number) => has(masks.newAxisMask, entry) && !has(masks.ellipsisMask, entry);
  const taken = entries.filter((entry) => !isNew(entry)).length - ellipses.length;
  const whole = shape.length - taken;
  if (whole < 0) refuse(`The slice speaks of ${taken} dimensions; the input has ${shape.length}.`);

  const dims: SlicedDim[] = [];
  const output: number[] = [];
  const keepWhole = () => {
    const count = shape[dims.length] as number;
    dims.push({ start: 0, stride: 1, count });
    output.push(count);
  };
  for (const entry of entries) {
    if (has(masks.ellipsisMask, entry)) {
      for (let i = 0; i < whole; i++) keepWhole();
    } else if (isNew(entry)) {
      output.push(1);
    } else {
      const shrink = has(masks.shrinkAxisMask, entry);
      const dim = sliceDim(shape[dims.length] as number, spec, masks, entry, shrink);
      dims.push(dim);
      if (!shrink) output.push(dim.count);
    }
  }
  while (dims.length < shape.length) keepWhole();
  return { dims, shape: output };
}

function sliceDim(
  size: number,
  spec: SliceSpec,
  masks: SliceMasks,
  entry: number,
  shrink: boolean,
): SlicedDim {
  const bit = 1 << entry;
  const stride = spec.strides?.[entry];
  if (stride === 0) refuse(`Entry ${entry} of the slice has stride 0.`);
  const begin = masks.beginMask & bit ? 'whole' : spec.begin?.[entry];
  const end = masks.endMask & bit ? 'whole' : spec.end?.[entry];
  const isKnown =
    size !== UNKNOWN_DIM &&
    stride !== undefined &&
    begin !== undefined &&
    (end !== undefined || shrink);
  if (!isKnown) return { start: 0, stride: stride ?? 1, count: shrink ? 1 : UNKNOWN_DIM };

  const [lowest, highest] = stride > 0 ? [0, size] : [-1, size - 1];
  const fromFront = (bound: number) => (bound < 0 ? bound + size : bound);
  const clamp = (bound: number) => Math.min(Math.max(bound, lowest), highest);
  if (shrink) {
    const start = begin === 'whole' ? clamp(stride > 0 ? 0 : size) : fromFront(begin);
    if (start < 0 || start >= size) {
      refuse(`Entry ${entry} of the slice picks element ${begin} of a dimension of size ${size}.`);
    }
    return { start, stride: 1, count: 1 };
  }
  const start = begin === 'whole' ? (stride > 0 ? lowest : highest) : clamp(fromFront(begin));
  const stop =
    end === 'whole'
      ? stride > 0
        ? highest
        : lowest
      : clamp(masks.offset ? start + (end as number) : fromFront(end as number));
  return { start, stride, count: Math.max(0, Math.ceil((stop - start) / stride)) };
}
