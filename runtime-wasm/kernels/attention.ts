import type { KernelDeclaration } from './kernel.js';

/** src/attention.c */
export const ATTENTION_KERNELS = {
  /**
   * output = softmax(scale * queries keys^T, masked) values for each of `items` heads, float32;
   * `scale` is positive. Of an item, queries are [rows, depth], keys [columns, depth], values [columns,
   * value_depth], output [rows, value_depth].
   *
   * - `item_table`: per item int32 [first element of queries, of keys, of values, of the output, of
   *   the mask].
   * - `mask`: float32, added to the scaled products, or null; `kept`: bool, where 0 `otherwise` takes a
   *   scaled product's place, or null. `columns` elements for each row, `mask_stride` from one row's to
   *   the next's.
   * - `query_stride`, `output_stride`: elements from a row to the next; those of a row neighbour.
   * - `key_strides`, `value_strides`: elements from a row to the next, and within a row.
   * - `block_rows`: most rows whose scores a thread works on at a time, a multiple of 6, up to 192.
   * - `pitch`: elements from a row of scores to the next, at least `columns` rounded up to 8.
   * - `work`: per thread `work_bytes` bytes, room for the keys and values of an item as conv_f32's
   *   weights and for block_rows rows of scores.
   */
  attention_f32: {
    queries: 'in',
    keys: 'in',
    values: 'in',
    mask: 'in',
    kept: 'in',
    output: 'out',
    work: 'temp',
    item_table: 'in',
    items: 'u32',
    rows: 'u32',
    columns: 'u32',
    depth: 'u32',
    value_depth: 'u32',
    query_stride: 'u32',
    key_strides: 'u32x2',
    value_strides: 'u32x2',
    output_stride: 'u32',
    mask_stride: 'u32',
    pitch: 'u32',
    block_rows: 'u32',
    work_bytes: 'u32',
    scale: 'f32',
    otherwise: 'f32',
  },
} as const satisfies Record<string, KernelDeclaration>;
