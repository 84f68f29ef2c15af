/** Sequences of differing lengths, each reversed. */
import { normalizeAxis } from '@linnet/schema';
import { count, rowMajor } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { reads, u32, writes } from '../wgsl/kernel.js';
import { elementOf, type StoredDType } from '../wgsl/storage.js';
import { times } from '../wgsl/text.js';
import { hasPositions, positionBinding, positionFunction } from './positions.js';
import { canMove } from './reshape.js';

/** Inputs: the sequences, and how many elements of each are reversed; the rest stays. */
export const reverseSequence: Lowering<'REVERSE_SEQUENCE'> = {
  supports: (site) => canMove([inputOf(site, 0), outputOf(site)]) && hasPositions(inputOf(site, 1)),
  lower(site, emit) {
    const [input, lengths, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
    const { dtype, shape } = input.type;
    const strides = rowMajor(shape);
    const [batch, sequence] = [site.options.batchDim, site.options.seqDim].map((axis) =>
      normalizeAxis(axis, shape.length),
    ) as [number, number];
    const invocations = Math.ceil(count(shape) / 4);
    emit.run({
      label: 'REVERSE_SEQUENCE',
      faults: 'length',
      bindings: { x: reads(input, 1), positions: positionBinding(lengths), y: writes(output, 4) },
      params: {
        invocations: u32(invocations),
        sequences: u32(shape[batch] as number),
        sequence_stride: u32(strides[batch] as number),
        steps: u32(shape[sequence] as number),
        step_stride: u32(strides[sequence] as number),
      },
      grid: { invocations },
      declarations: `${positionFunction(lengths)}
fn element(flat: u32) -> ${elementOf(dtype as StoredDType)} {
  let step = flat / params.step_stride % params.steps;
  let length = position(flat / params.sequence_stride % params.sequences);
  if (length.y != 0u || length.x > params.steps) { fault(length, params.steps); }
  let source = select(step, length.x - 1u - step, step < length.x);
  return x_load(flat + (source - step) * params.step_stride);
}`,
      body: `if (index >= params.invocations) { return; }
y_store(index, vec4(${times(4, (j) => `element(4u * index + ${j}u)`).join(', ')}));`,
    });
  },
};
