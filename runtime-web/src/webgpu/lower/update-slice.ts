/** A tensor with a part of it replaced, where is known when the model runs. */
import { count, rowMajor } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { i32, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import { elementOf, type StoredDType } from '../wgsl/storage.js';
import { times } from '../wgsl/text.js';
import { canMove } from './reshape.js';

/** Inputs: the tensor, the update of the same rank, and where it begins, moved so far that it fits. */
export const dynamicUpdateSlice: Lowering<'DYNAMIC_UPDATE_SLICE'> = {
  supports: (site) =>
    [0, 1].every((index) => canMove([inputOf(site, index), outputOf(site)])) &&
    inputOf(site, 2).type.dtype === 'int32',
  lower(site, emit) {
    const [input, update, starts] = [inputOf(site, 0), inputOf(site, 1), inputOf(site, 2)];
    const output = outputOf(site);
    const { shape } = output.type;
    const invocations = Math.ceil(count(shape) / 4);
    const params: Record<string, Param> = { invocations: u32(invocations) };
    const strides = rowMajor(update.type.shape);
    const lines = shape.map((size, axis) => {
      const part = update.type.shape[axis] as number;
      params[`size${axis}`] = u32(size);
      params[`part${axis}`] = i32(part);
      params[`stride${axis}`] = i32(strides[axis] as number);
      params[`room${axis}`] = i32(size - part);
      return `at = i32(rest % params.size${axis}) - clamp(starts_load(${axis}u), 0, params.room${axis}); rest /= params.size${axis}; inside &= (at >= 0) & (at < params.part${axis}); place += at * params.stride${axis};`;
    });
    emit.run({
      label: 'DYNAMIC_UPDATE_SLICE',
      bindings: {
        x: reads(input, 1),
        update: reads(update, 1),
        starts: reads(starts, 1),
        y: writes(output, 4),
      },
      params,
      grid: { invocations },
      declarations: `
fn element(flat: u32) -> ${elementOf(output.type.dtype as StoredDType)} {
  var rest = flat; var at = 0; var place = 0; var inside = true;
  ${lines.toReversed().join('\n  ')}
  if (inside) { return update_load(u32(place)); }
  return x_load(flat);
}`,
      body: `if (index >= params.invocations) { return; }
y_store(index, vec4(${times(4, (j) => `element(4u * index + ${j}u)`).join(', ')}));`,
    });
  },
};
