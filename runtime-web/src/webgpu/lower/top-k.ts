/** The largest elements of rows. */
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { reads, u32, writes } from '../wgsl/kernel.js';
import { emitNarrowed } from './narrow.js';
import { canMove } from './reshape.js';

/** Each element is compared with all of its row; in longer rows a CPU's heap is faster. */
const MAX_LENGTH = 8192;

/** Values [rows, k] and positions of the k largest of each row, largest first and of equals the first first. */
export const topK: Lowering<'TOPK_V2'> = {
  supports: (site) =>
    canMove([inputOf(site, 0), outputOf(site)]) &&
    (inputOf(site, 0).type.shape.at(-1) as number) <= MAX_LENGTH &&
    outputOf(site, 1).type.dtype === 'int32',
  lower(site, emit) {
    const [input, values, positions] = [inputOf(site, 0), outputOf(site, 0), outputOf(site, 1)];
    const invocations = count(input.type.shape);
    emitNarrowed(emit, values, false, (to) =>
      emit.run({
        label: 'TOPK_V2',
        bindings: {
          x: reads(input, 1),
          values: writes(to, 1),
          positions: writes(positions, 1),
        },
        params: {
          invocations: u32(invocations),
          length: u32(input.type.shape.at(-1) as number),
          k: u32(values.type.shape.at(-1) as number),
        },
        grid: { invocations },
        body: `
if (index >= params.invocations) { return; }
let own = index % params.length;
let begin = index - own;
let value = x_load(index);
var place = 0u;
for (var k = 0u; k < params.length; k++) {
  let other = x_load(begin + k);
  place += select(0u, 1u, (other > value) | ((other == value) & (k < own)));
}
if (place >= params.k) { return; }
let to = index / params.length * params.k + place;
values_store(to, value);
positions_store(to, i32(own));`,
      }),
    );
  },
};
