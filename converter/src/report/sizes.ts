import type { Model, OpName, Tensor } from '@linnet/schema';
import { constantValue } from '../reference/contents.js';
import { affine } from '../reference/values.js';

/** What one node keeps in the file. */
export interface LayerConstants {
  /** Bytes of constants that no earlier node has named. */
  readonly bytes: number;
  /** Element type of its largest constant; undefined where it has none. */
  readonly dtype: string | undefined;
  /** Share of zeros in its largest constant. */
  readonly zeros: number;
}

export const NO_CONSTANTS: LayerConstants = { bytes: 0, dtype: undefined, zeros: 0 };

/**
 * The constants of each node of a model by the name of its first result. Constants that several
 * nodes share are the first one's; those that nodes read through conversions (DEQUANTIZE, DENSIFY)
 * are the reader's.
 */
export function layerConstants({
  subgraphs,
}: Model): ReadonlyMap<string, LayerConstants & { readonly op: string }> {
  const layers = new Map<string, LayerConstants & { readonly op: string }>();
  for (const { tensors, operators } of subgraphs) {
    const counted = new Set<number>();
    const converted = new Map<number, number>();
    for (const node of operators) {
      const { op, inputs, outputs } = node;
      const sources = inputs.map((input) => converted.get(input) ?? input);
      const constants = sources.filter((input) => tensors[input]?.data != null);
      const [output] = outputs;
      if (output === undefined) continue;
      if (isConversion(op) && constants.length === 1) {
        converted.set(output, constants[0] as number);
        continue;
      }
      const own = constants.flatMap((input) => withScales(tensors, input));
      const bytes = own
        .filter((input) => !counted.has(input))
        .reduce((sum, input) => sum + (tensors[input]?.data?.length ?? 0), 0);
      for (const input of own) counted.add(input);
      const largest = largestOf(constants.map((input) => tensors[input] as Tensor));
      layers.set(tensors[output]?.name ?? '', {
        op: op ?? node.foreignName,
        bytes,
        dtype: largest?.dtype,
        zeros: largest === undefined ? 0 : shareOfZeros(largest, tensors),
      });
    }
  }
  return layers;
}

function isConversion(op: OpName | null): boolean {
  return op === 'DEQUANTIZE' || op === 'DENSIFY';
}

/** A constant and the tensors that hold the scales of its blocks. */
function withScales(tensors: readonly Tensor[], index: number): readonly number[] {
  const quantization = tensors[index]?.quantization;
  if (quantization?.kind !== 'blockwise') return [index];
  return [index, quantization.scales, quantization.zeroPoints].filter((tensor) => tensor >= 0);
}

function largestOf(tensors: readonly Tensor[]): Tensor | undefined {
  return [...tensors].sort((a, b) => (b.data?.length ?? 0) - (a.data?.length ?? 0))[0];
}

function shareOfZeros(tensor: Tensor, siblings: readonly Tensor[]): number {
  if (tensor.dtype === 'string') return 0;
  const value = constantValue(tensor, siblings);
  const elements = value.elements as ArrayLike<number | bigint>;
  const quantization = affine(value);
  // Weights are symmetric: zeros of channels are alike.
  const zero = quantization?.zeroPoint[0] ?? 0;
  let zeros = 0;
  for (let i = 0; i < elements.length; i++) if (Number(elements[i]) === zero) zeros++;
  return elements.length === 0 ? 0 : zeros / elements.length;
}
