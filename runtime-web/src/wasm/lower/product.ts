/** Emits sums of products: what the product kernels solve, on any numbers. */
import { invariant, type OpName } from '@linnet/schema';
import { type Numerics, numericsOf, type Product } from '../../lower/numerics.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { ByteDot } from '../dot.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitBlocks } from './blocks.js';
import { isSmall, type Problem } from './problem.js';
import { emitProductF32, emitWeightsF32 } from './product-f32.js';
import { emitProductQ8 } from './product-q8.js';
import { emitProductQ16 } from './product-q16.js';
import { emitSparse } from './sparse.js';

/** An op seen as a product: which one, and the problems that together fill its output. */
export interface ProductView {
  readonly product: Product;
  readonly problems: () => readonly Problem[];
}

/**
 * The lowering of an op that is a sum of products, on machines with a dot product of some kind;
 * `view` gives null for one that no kernel has.
 */
export function productLowering<N extends OpName>(
  view: (site: LowerSite<N>) => ProductView | null,
): (dot: ByteDot) => Lowering<N> {
  return (dot) => ({
    supports(site) {
      const seen = view(site);
      return seen !== null && numericsOf(seen.product) !== null && seen.problems().every(isSmall);
    },
    lower(site, emit) {
      const seen = view(site);
      const numerics = seen && numericsOf(seen.product);
      invariant(seen && numerics, `${site.op} was lowered though it is not supported.`);
      const shapes = [...site.inputs, ...site.outputs].map(
        (operand) => operand?.type.shape ?? null,
      );
      const key = JSON.stringify([shapes, site.options, site.fused]);
      seen.problems().forEach((problem, index) => {
        emitProduct(emit, seen.product, numerics, problem, `${key} ${index}`, dot);
      });
    },
  });
}

/** Emits all that a problem takes; `key` tells it apart from others with the same constants. */
export function emitProduct(
  emit: Emitter,
  product: Product,
  numerics: Numerics,
  problem: Problem,
  key: string,
  dot: ByteDot,
): void {
  if (problem.grid.includes(0) || problem.matrices.columns === 0) return;
  if (numerics.kind === 'words') {
    emitProductQ16(emit, product, numerics, problem, key);
    return;
  }
  const isFloat = numerics.kind === 'float32';
  if (isFloat && emitBlocks(emit, product, problem, key)) return;
  if (emitSparse(emit, product, numerics, problem, dot)) return;
  const { matrices } = problem;
  const output = product.output.ref;
  if (isFloat) {
    const weights = emitWeightsF32(emit, product, matrices);
    emitProductF32(
      emit,
      { input: product.input.ref, weights, output },
      problem,
      product.activation,
      key,
    );
  } else {
    emitProductQ8(emit, product, numerics, problem, key, dot);
  }
}
