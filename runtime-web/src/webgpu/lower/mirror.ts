/** Padding by what lies inside the edges, mirrored. */
import { MirrorPadMode, type OpName } from '@linnet/schema';
import { count, rowMajor } from '../../lower/dims.js';
import { inputOf, integersOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { i32, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import { times } from '../wgsl/text.js';
import { canMove } from './reshape.js';

const mirrorPad: Lowering<'MIRROR_PAD'> = {
  supports: (site) => canMove([inputOf(site, 0), outputOf(site)]),
  lower(site, emit) {
    const [input, output] = [inputOf(site, 0), outputOf(site)];
    const amounts = integersOf(site, 1);
    const strides = rowMajor(input.type.shape);
    const invocations = Math.ceil(count(output.type.shape) / 4);
    const params: Record<string, Param> = {
      invocations: u32(invocations),
      // Whether the edge itself is mirrored, too.
      edge: i32(site.options.mode === MirrorPadMode.SYMMETRIC ? 1 : 0),
    };
    const lines = output.type.shape.map((size, axis) => {
      params[`size${axis}`] = u32(size);
      params[`before${axis}`] = i32(amounts[2 * axis] as number);
      params[`inner${axis}`] = i32(input.type.shape[axis] as number);
      params[`stride${axis}`] = i32(strides[axis] as number);
      return `at = mirrored(i32(rest % params.size${axis}) - params.before${axis}, params.inner${axis}); place += at * params.stride${axis}; rest /= params.size${axis};`;
    });
    const values = times(4, (j) => `x_load(source(4u * index + ${j}u))`);
    emit.run({
      label: 'MIRROR_PAD',
      bindings: { x: reads(input, 1), y: writes(output, 4) },
      params,
      grid: { invocations },
      declarations: `fn mirrored(at: i32, inner: i32) -> i32 {
  let low = select(at, -at - params.edge, at < 0);
  return select(low, 2 * inner - 2 + params.edge - low, low >= inner);
}
fn source(flat: u32) -> u32 {
  var rest = flat; var place = 0; var at = 0;
  ${lines.toReversed().join('\n  ')}
  return u32(place);
}`,
      body: `if (index >= params.invocations) { return; }
y_store(index, vec4(${values.join(', ')}));`,
    });
  },
};

export const MIRROR_LOWERINGS = {
  MIRROR_PAD: mirrorPad,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
