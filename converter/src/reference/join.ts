import {
  ActivationFunctionType,
  LinnetError,
  normalizeAxis,
  type TensorType,
} from '@linnet/schema';
import { concatElements, offsets, pick, retype, stridesOf } from './indexing.js';
import type { ReferenceFamily, TensorValue } from './kernel.js';
import { required, sizeOf, tensor } from './values.js';

/** Tensors side by side along an axis, each requantized first where its scale differs. */
function concatenate(parts: readonly TensorValue[], axis: number, output: TensorType): TensorValue {
  const strides = stridesOf(output.shape);
  const at = new Int32Array(sizeOf(output.shape));
  let [from, position] = [0, 0];
  for (const part of parts) {
    for (const to of offsets(part.shape, strides, position * strides[axis]!)) at[to] = from++;
    position += part.shape[axis]!;
  }
  const same = parts.map((part) => retype(part, { ...output, shape: part.shape }));
  return pick(tensor({ ...output, shape: [from] }, concatElements(same)), output, at);
}

/** Consecutive slices of x along an axis, sized as the outputs are. */
function split(x: TensorValue, axis: number, outputs: readonly TensorType[]): TensorValue[] {
  const strides = stridesOf(x.shape);
  let start = 0;
  return outputs.map((output) => {
    const part = pick(x, output, offsets(output.shape, strides, start));
    start += output.shape[axis]! * strides[axis]!;
    return part;
  });
}

export const JOIN: ReferenceFamily<'CONCATENATION' | 'SPLIT' | 'SPLIT_V' | 'PACK' | 'UNPACK'> = {
  /** Without a fused activation, which TFLite refuses as well. */
  CONCATENATION: ({ inputs, outputs, options }) => {
    if (options.fusedActivationFunction !== ActivationFunctionType.NONE) {
      throw new LinnetError('UNSUPPORTED', 'CONCATENATION has no fused activation.');
    }
    const axis = normalizeAxis(options.axis, outputs[0]!.shape.length);
    return [
      concatenate(
        inputs.map((_, i) => required(inputs, i)),
        axis,
        outputs[0]!,
      ),
    ];
  },

  /** Equal parts; the axis is input 0. */
  SPLIT: ({ inputs, outputs }) => {
    const x = required(inputs, 1);
    const axis = normalizeAxis(Number(required(inputs, 0).elements[0]), x.shape.length);
    return split(x, axis, outputs);
  },

  /** Parts of given sizes; the axis is input 2. */
  SPLIT_V: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const axis = normalizeAxis(Number(required(inputs, 2).elements[0]), x.shape.length);
    return split(x, axis, outputs);
  },

  /** Tensors of one shape stacked along a new axis. */
  PACK: ({ inputs, outputs, options }) => {
    const output = outputs[0]!;
    const axis = normalizeAxis(options.axis, output.shape.length);
    const parts = inputs.map((_, i) => {
      const part = required(inputs, i);
      return { ...part, shape: part.shape.toSpliced(axis, 0, 1) };
    });
    return [concatenate(parts, axis, output)];
  },

  /** The slices of x along an axis, without that axis. */
  UNPACK: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const axis = normalizeAxis(options.axis, x.shape.length);
    const strides = stridesOf(x.shape);
    const rest = strides.toSpliced(axis, 1);
    return outputs.map((output, k) =>
      pick(x, output, offsets(output.shape, rest, k * strides[axis]!)),
    );
  },
};
