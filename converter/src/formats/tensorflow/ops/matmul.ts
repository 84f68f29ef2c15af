import type { TfImport, TfOps } from '../site.js';
import { einsum } from './einsum.js';
import { matmul } from './product.js';

const batchMatMul: TfImport = (site) =>
  matmul(
    site,
    site.input(0),
    site.input(1),
    site.attrs.bool('adj_x', false),
    site.attrs.bool('adj_y', false),
  );

/** Products of matrices. */
export const MATMUL: TfOps = {
  MatMul: (site) =>
    matmul(
      site,
      site.input(0),
      site.input(1),
      site.attrs.bool('transpose_a', false),
      site.attrs.bool('transpose_b', false),
    ),
  BatchMatMul: batchMatMul,
  BatchMatMulV2: batchMatMul,
  BatchMatMulV3: batchMatMul,
  Einsum: einsum,
};
