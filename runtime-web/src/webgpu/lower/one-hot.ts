/** Positions as vectors that differ from others at one place. */
import { normalizeAxis, type OpName } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { array, reads, u32, writes } from '../wgsl/kernel.js';
import { times } from '../wgsl/text.js';
import { hasPositions } from './positions.js';
import { canMove } from './reshape.js';

/** Inputs: positions [outer, inner], how many there are, the values at and beside them. Output [outer, depth, inner]. */
const oneHot: Lowering<'ONE_HOT'> = {
  supports: (site) =>
    hasPositions(inputOf(site, 0)) &&
    [2, 3].every((index) => {
      const value = inputOf(site, index);
      return count(value.type.shape) === 1 && canMove([value, outputOf(site)]);
    }),
  lower(site, emit) {
    const [positions, output] = [inputOf(site, 0), outputOf(site)];
    const { shape } = output.type;
    const axis = normalizeAxis(site.options.axis, shape.length);
    const isWide = positions.type.dtype === 'int64';
    const invocations = Math.ceil(count(shape) / 4);
    const isOn = times(4, (j) => `is_on(4u * index + ${j}u)`);
    emit.run({
      label: 'ONE_HOT',
      bindings: {
        positions: array(positions.ref, isWide ? 'vec2<u32>' : 'u32', 'read'),
        on: reads(inputOf(site, 2), 1),
        off: reads(inputOf(site, 3), 1),
        y: writes(output, 4),
      },
      params: {
        invocations: u32(invocations),
        depth: u32(shape[axis] as number),
        inner: u32(count(shape.slice(axis + 1))),
      },
      grid: { invocations },
      declarations: `fn is_on(flat: u32) -> bool {
  let line = flat / params.inner;
  let position = positions[line / params.depth * params.inner + flat % params.inner];
  return ${isWide ? 'all(position == vec2(line % params.depth, 0u))' : 'position == line % params.depth'};
}`,
      body: `if (index >= params.invocations) { return; }
y_store(index, select(vec4(off_load(0u)), vec4(on_load(0u)), vec4(${isOn.join(', ')})));`,
    });
  },
};

export const ONE_HOT_LOWERINGS = {
  ONE_HOT: oneHot,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
