/** What kernels compute: an entry of its own, as only profiles ask. */
import type { ATTENTION_KERNELS } from './attention.js';
import type { BLOCK_KERNELS } from './blocks.js';
import type { CONVOLUTION_KERNELS } from './convolution.js';
import type { KernelArguments, KernelDeclaration } from './kernel.js';
import type { PROBE_KERNELS } from './probe.js';
import type { RECURRENT_KERNELS } from './recurrent.js';
import type { SPARSE_KERNELS } from './sparse.js';
import type { WORD_KERNELS } from './words.js';

/** The kinds of arithmetic that a machine has a peak of: int8 is 8-bit integers, summed up in 32 bits. */
export type Arithmetic = 'float32' | 'int8';

/** How many multiply-adds a call takes, by its arguments; pointers only tell what is absent. */
export interface KernelArithmetic<Arguments> {
  readonly arithmetic: Arithmetic;
  readonly multiplyAdds: (args: Arguments) => number;
}

/** Null is for kernels that multiply little. */
type ArithmeticTable<F extends Readonly<Record<string, KernelDeclaration>>> = {
  readonly [K in keyof F]: KernelArithmetic<KernelArguments<F[K], unknown>> | null;
};

function onFloat32<A>(multiplyAdds: (args: A) => number): KernelArithmetic<A> {
  return { arithmetic: 'float32', multiplyAdds };
}

function onInt8<A>(multiplyAdds: (args: A) => number): KernelArithmetic<A> {
  return { arithmetic: 'int8', multiplyAdds };
}

interface Problem {
  readonly items: number;
  readonly grid: readonly number[];
  readonly depth: number;
  readonly columns: number;
}

/** Multiply-adds of a problem. */
const product = ({ items, grid, depth, columns }: Problem) =>
  grid.reduce((rows, size) => rows * size, items) * depth * columns;

interface Window {
  readonly images: number;
  readonly out_h: number;
  readonly out_w: number;
  readonly channels: number;
  readonly window_h: number;
  readonly window_w: number;
}

/** Multiply-adds of a window over each channel. */
const perChannel = ({ images, out_h, out_w, channels, window_h, window_w }: Window) =>
  images * out_h * out_w * channels * window_h * window_w;

interface Entries {
  readonly rows: number;
  readonly entries: number;
  readonly block: number;
}

const ofEntries = ({ rows, entries, block }: Entries) => rows * entries * block;

/** Chains of instructions that src/probe.c keeps going at a time, on each thread. */
const CHAINS = 12;

/**
 * What kernels compute, for profiles, by families that multiply much; the time of others goes to memory
 * and functions. Products with padding count like others.
 */
export const KERNEL_ARITHMETIC: ArithmeticTable<
  typeof ATTENTION_KERNELS &
    typeof BLOCK_KERNELS &
    typeof CONVOLUTION_KERNELS &
    typeof PROBE_KERNELS &
    typeof RECURRENT_KERNELS &
    typeof SPARSE_KERNELS &
    typeof WORD_KERNELS
> = {
  attention_f32: onFloat32(
    ({ items, rows, columns, depth, value_depth }) =>
      items * rows * columns * (depth + value_depth),
  ),
  expand_blocks: null,
  product_blocks: onFloat32(({ rows, depth, columns }) => rows * depth * columns),
  conv_f32: onFloat32(product),
  conv_q8: onInt8(product),
  conv_q8_dot: onInt8(product),
  measure_rows: null,
  quantize_rows: null,
  depthwise_f32: onFloat32(perChannel),
  depthwise_q8: onInt8(perChannel),
  depthwise_q8_dot: onInt8(perChannel),
  probe_f32: onFloat32(({ rounds }) => rounds * CHAINS * 4),
  probe_i16: onInt8(({ rounds }) => rounds * CHAINS * 8),
  probe_i8: onInt8(({ rounds }) => rounds * CHAINS * 16),
  rnn_f32: onFloat32(({ batch, time, units }) => batch * time * units * units),
  lstm_f32: onFloat32(({ batch, time, gates, cells, units, diagonal, projection }) => {
    const inputs = diagonal ? 1 : units;
    const projected = projection === null ? 0 : units;
    return batch * time * cells * (gates * inputs + projected);
  }),
  svdf_f32: onFloat32(
    ({ batch, features, units, rank, memory }) => batch * units * rank * (features + memory),
  ),
  sparse_f32: onFloat32(ofEntries),
  sparse_q8: onInt8(ofEntries),
  conv_q16: onInt8(product),
  depthwise_q16: onInt8(perChannel),
};
