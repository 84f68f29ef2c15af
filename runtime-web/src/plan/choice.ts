/**
 * Where planning has more than one way to the same result. A lowering names the decision and its
 * candidates, all of which it can emit, and the one that its cost model prefers; what has been
 * measured, where something has, overrules the model. Results differ in rounding at most.
 */
import type { OpName } from '@linnet/schema';
import type { Choice } from '../api.js';
import type { LowerSite } from './lowering.js';

export interface Decision<C extends string> {
  /** What is decided, by a name that no other decision of the same op has. */
  readonly decision: string;
  readonly candidates: readonly C[];
  /** The candidate that the cost model takes. */
  readonly preferred: C;
  /** What the costs depend on beyond types and options. */
  readonly given?: string;
}

/** The candidate to take instead of the cost model's; undefined where nothing is known. */
export type Overrule = (signature: string, decision: string) => string | undefined;

/** Leaves everything to the cost models. */
export const notMeasured: Overrule = () => undefined;

type Site = LowerSite<OpName>;

/**
 * What two sites have in common for which the same candidates take the same time: types, options and
 * what else is `given`.
 */
export function signatureOf({ op, options, fused, inputs, outputs }: Site, given = ''): string {
  const operands = (all: Site['inputs']) =>
    all.map((operand) => {
      if (operand === null) return '-';
      const { dtype, shape, quantization } = operand.type;
      const { blocks } = operand;
      // The value of blocks is large, and would be made here.
      const isKnown = blocks != null || operand.value !== undefined;
      const constant = blocks ? `${blocks.dtype}*${blocks.size} ` : isKnown ? 'const ' : '';
      const scales = quantization?.kind === 'affine' ? `/${quantization.scale.length}` : '';
      return `${constant}${dtype}${scales}[${shape}]`;
    });
  const rest = JSON.stringify({ ...options, ...fused }, (key, value) =>
    key === 'node' ? undefined : value,
  );
  return `${op} ${operands(inputs).join(' ')} > ${operands(outputs).join(' ')} ${rest}${given}`;
}

/** Takes a candidate for a site's decision. */
export function choose<C extends string>(
  { decision, candidates, preferred }: Decision<C>,
  signature: string,
  overrule: Overrule,
): { readonly taken: C; readonly by: Choice['by'] } {
  const measured = overrule(signature, decision);
  const taken = candidates.find((candidate) => candidate === measured);
  return taken === undefined ? { taken: preferred, by: 'cost model' } : { taken, by: 'tuning' };
}
