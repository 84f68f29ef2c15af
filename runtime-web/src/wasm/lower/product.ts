/** Emits sums of products: what the product kernels solve, on any numbers. */
import { invariant, type OpName } from '@linnet/schema';
import { isFloatProduct, type Numerics, type Product } from '../../lower/numerics.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import type { Extras } from './extras.js';
import { isSmall, type Problem } from './problem.js';
import { emitProductF32, emitWeightsF32 } from './product-f32.js';

/** An op seen as a product: which one, and the problems that together fill its output. */
export interface ProductView {
  readonly product: Product;
  readonly problems: () => readonly Problem[];
}

/**
 * The lowering of an op that is a sum of products, of integers only where given what they take;
 * `view` gives null for one that no kernel has.
 */
export function productLowering<N extends OpName>(
  view: (site: LowerSite<N>) => ProductView | null,
): (extras: Extras) => Lowering<N> {
  return (extras) => ({
    supports(site) {
      const seen = view(site);
      return (
        seen !== null && numericsOf(seen.product, extras) !== null && seen.problems().every(isSmall)
      );
    },
    lower(site, emit) {
      const seen = view(site);
      const numerics = seen && numericsOf(seen.product, extras);
      invariant(seen && numerics, `${site.op} was lowered though it is not supported.`);
      const shapes = [...site.inputs, ...site.outputs].map(
        (operand) => operand?.type.shape ?? null,
      );
      const key = JSON.stringify([shapes, site.options, site.fused]);
      seen.problems().forEach((problem, index) => {
        emitProduct(emit, seen.product, numerics, problem, `${key} ${index}`, extras);
      });
    },
  });
}

/** The arithmetic that kernels have for a product; null when they have none. */
export function numericsOf(product: Product, { integers }: Extras): Numerics | null {
  if (isFloatProduct(product)) return { kind: 'float32' };
  return integers?.numericsOf(product) ?? null;
}

/** Emits all that a problem takes; `key` tells it apart from others with the same constants. */
export function emitProduct(
  emit: Emitter,
  product: Product,
  numerics: Numerics,
  problem: Problem,
  key: string,
  { integers, sparse }: Extras,
): void {
  if (problem.grid.includes(0) || problem.matrices.columns === 0) return;
  if (numerics.kind !== 'float32') {
    invariant(integers, 'What integers take has not been loaded.');
    integers.emitProduct(emit, product, numerics, problem, key);
    return;
  }
  if (integers?.emitBlocks(emit, product, problem, key)) return;
  if (sparse?.emitFloats(emit, product, problem)) return;
  const operands = {
    input: product.input.ref,
    weights: emitWeightsF32(emit, product, problem.matrices),
    output: product.output.ref,
  };
  emitProductF32(emit, operands, problem, product.activation, key);
}
