/** Non-maximum suppression. */
import type { OpName } from '@linnet/schema';
import { inputOf, isOneElement, outputOf } from '../../lower/operands.js';
import type { Operand } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';

/** Bytes that the kernel takes for each candidate. */
const CANDIDATE_BYTES = 12;

interface Outputs {
  readonly indices: Operand;
  readonly scores: Operand | null;
  readonly selected: Operand;
}

function suppression<N extends 'NON_MAX_SUPPRESSION_V4' | 'NON_MAX_SUPPRESSION_V5'>(
  outputsOf: (outputs: readonly Operand[]) => Outputs,
): Lowering<N> {
  return {
    supports: (site) =>
      site.inputs.every((input, index) => index === 2 || input?.type.dtype === 'float32') &&
      site.inputs.every((_, index) => index < 3 || isOneElement(site, index)),
    lower(site, emit) {
      const { indices, scores, selected } = outputsOf(site.outputs);
      const count = inputOf(site, 1).type.shape[0] as number;
      emit.call('non_max_suppression', {
        boxes: inputOf(site, 0).ref,
        scores: inputOf(site, 1).ref,
        iou_threshold: inputOf(site, 3).ref,
        score_threshold: inputOf(site, 4).ref,
        sigma: site.inputs[5]?.ref ?? null,
        indices: indices.ref,
        selected_scores: scores?.ref ?? null,
        selected: selected.ref,
        candidates: emit.scratch(CANDIDATE_BYTES * count),
        count,
        limit: outputOf(site).type.shape[0] as number,
      });
    },
  };
}

export const DETECTION_LOWERINGS = {
  NON_MAX_SUPPRESSION_V4: suppression<'NON_MAX_SUPPRESSION_V4'>(([indices, selected]) => ({
    indices: indices as Operand,
    scores: null,
    selected: selected as Operand,
  })),
  NON_MAX_SUPPRESSION_V5: suppression<'NON_MAX_SUPPRESSION_V5'>(([indices, scores, selected]) => ({
    indices: indices as Operand,
    scores: scores as Operand,
    selected: selected as Operand,
  })),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
