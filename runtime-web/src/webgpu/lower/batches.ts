/** Blocks of pixels that become images of a larger batch, and back. */
import type { OpName } from '@linnet/schema';
import { count, rowMajor } from '../../lower/dims.js';
import { inputOf, integersOf, outputOf } from '../../lower/operands.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { i32, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import { elementOf, type StoredDType } from '../wgsl/storage.js';
import { times } from '../wgsl/text.js';
import { storedZero } from './movement.js';
import { canMove } from './reshape.js';

type Name = 'SPACE_TO_BATCH_ND' | 'BATCH_TO_SPACE_ND';

/**
 * From an element's place in the output, `c0`, `c1`, ... by dimension, to its `place` in the input. An image
 * of the larger batch is number `block * images + image`; `blocks` dimensions, from 1 on, have blocks.
 */
const STEPS: { readonly [N in Name]: (rank: number, blocks: number) => readonly string[] } = {
  SPACE_TO_BATCH_ND: (rank, blocks) => [
    'var block = c0 / params.images; place = c0 % params.images * params.stride0;',
    ...times(rank - 1, (at) => {
      const axis = rank - 1 - at;
      if (axis > blocks) return `place += c${axis} * params.stride${axis};`;
      return `at = c${axis} * params.block${axis} + block % params.block${axis} - params.before${axis}; block /= params.block${axis}; inside &= (at >= 0) & (at < params.inner${axis}); place += at * params.stride${axis};`;
    }),
  ],
  BATCH_TO_SPACE_ND: (rank, blocks) => [
    'var block = 0;',
    ...times(rank - 1, (before) => {
      const axis = before + 1;
      if (axis > blocks) return `place += c${axis} * params.stride${axis};`;
      return `at = c${axis} + params.before${axis}; block = block * params.block${axis} + at % params.block${axis}; place += at / params.block${axis} * params.stride${axis};`;
    }),
    'place += (block * params.images + c0) * params.stride0;',
  ],
};

/** Inputs: the tensor, blocks' sizes, and for each what is added to, or taken off, both ends. */
function batches<N extends Name>(): Lowering<N> {
  return {
    supports: (site: LowerSite<Name>) =>
      canMove([inputOf(site, 0), outputOf(site)]) && storedZero(outputOf(site).type) !== null,
    lower(site: LowerSite<Name>, emit) {
      const [input, output] = [inputOf(site, 0), outputOf(site)];
      const [inner, sizes] = [input.type.shape, output.type.shape];
      const [blocks, amounts] = [integersOf(site, 1), integersOf(site, 2)];
      const type = elementOf(output.type.dtype as StoredDType);
      const invocations = Math.ceil(count(sizes) / 4);
      const params: Record<string, Param> = {
        invocations: u32(invocations),
        images: i32(Math.min(inner[0] as number, sizes[0] as number)),
        zero: [type, storedZero(output.type) as number],
      };
      const strides = rowMajor(inner);
      sizes.forEach((size, axis) => {
        params[`size${axis}`] = u32(size);
        params[`inner${axis}`] = i32(inner[axis] as number);
        params[`stride${axis}`] = i32(strides[axis] as number);
      });
      blocks.forEach((block, at) => {
        params[`block${at + 1}`] = i32(block);
        params[`before${at + 1}`] = i32(amounts[2 * at] as number);
      });
      const places = sizes.map((_, axis) =>
        axis === 0
          ? 'let c0 = i32(rest);'
          : `let c${axis} = i32(rest % params.size${axis}); rest /= params.size${axis};`,
      );
      const values = times(4, (j) => `element(4u * index + ${j}u)`);
      emit.run({
        label: site.op,
        bindings: { x: reads(input, 1), y: writes(output, 4) },
        params,
        grid: { invocations },
        declarations: `fn element(flat: u32) -> ${type} {
  var rest = flat; var place = 0; var at = 0; var inside = true;
  ${[...places.toReversed(), ...STEPS[site.op](sizes.length, blocks.length)].join('\n  ')}
  return select(params.zero, x_load(u32(max(place, 0))), inside);
}`,
        body: `if (index >= params.invocations) { return; }
y_store(index, vec4(${values.join(', ')}));`,
      });
    },
  };
}

export const BATCH_LOWERINGS = {
  SPACE_TO_BATCH_ND: batches<'SPACE_TO_BATCH_ND'>(),
  BATCH_TO_SPACE_ND: batches<'BATCH_TO_SPACE_ND'>(),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
