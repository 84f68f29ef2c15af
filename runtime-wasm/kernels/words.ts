import { PROBLEM } from './convolution.js';
import type { KernelDeclaration } from './kernel.js';
import { WINDOW } from './window.js';

/**
 * How kernels on int16 turn exact sums into outputs: sum * factor + addend in float64, of the sum's
 * column, rounded half to even and clamped to low .. high.
 */
const WORDS = { factors: 'in', addends: 'in', low: 'i32', high: 'i32' } as const;

/** src/conv_q16.c, src/depthwise_q16.c: products of int16 activations, of zero point 0. */
export const WORD_KERNELS = {
  /**
   * A problem as PROBLEM's. With one plane, weights are conv_q8's of int8, whose biases are not read. With
   * two they are int16, as their upper bytes (plane 0, counted in 256) and their lower ones less 256
   * where over 127 (plane 1): each plane of a panel is for each pair of depths (the last one padded
   * with zeros) 8 columns times 2 int16. With `direct`, which is as in conv_f32 and needs an even
   * depth, `patches` may be null; else it holds int16, depth rounded up to even. Each item's part of
   * `factors` and `addends` is padded to a multiple of 8 columns.
   */
  conv_q16: { ...PROBLEM, direct: 'u32', planes: 'u32', ...WORDS },

  /**
   * Depthwise convolution, NHWC, one output per channel, of at least 8 channels and at most 510 taps.
   * Weights are blocks of 8 channels, the last of which ends with the last channel: int16 [taps][8].
   * `factors` and `addends` have one element per channel.
   */
  depthwise_q16: { ...WINDOW, weights: 'in', ...WORDS },
} as const satisfies Record<string, KernelDeclaration>;
