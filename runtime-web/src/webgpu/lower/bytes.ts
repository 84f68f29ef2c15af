/** Functions of bytes by tables, and what makes integers of numbers. */
import type { ByteTable } from '../../lower/byte-table.js';
import { type FunctionOp, tableOf } from '../../lower/functions.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor } from '../../lower/quantization.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { roundFunction } from '../wgsl/bytes.js';
import { f32, i32, reads } from '../wgsl/kernel.js';
import { emitElementwise } from './elementwise.js';

/** What emits what a site's op makes of each byte, by its table of all that there are; null for other types. */
export function lookupOf(site: LowerSite<FunctionOp>): ((emit: Emitter) => void) | null {
  const table = tableOf(site);
  return table && ((emit) => emitLookup(emit, site, table));
}

function emitLookup(emit: Emitter, site: LowerSite<FunctionOp>, table: ByteTable): void {
  const entries = emit.constant(table.key, () => Int32Array.from(table.make()));
  emitElementwise(emit, {
    label: site.op,
    operands: [inputOf(site, 0)],
    output: outputOf(site),
    bindings: { table: reads({ ref: entries, type: { dtype: 'int32' } }, 1) },
    declarations: `fn entry(byte: i32) -> i32 { return table_load(u32(byte) & 255u); }`,
    expression: 'vec4(entry(a.x), entry(a.y), entry(a.z), entry(a.w))',
  });
}

/** Float32 to integers: times the scale's reciprocal, half to even. Source: XNNPACK's f32-qs8-vcvt. */
export const quantize: Lowering<'QUANTIZE'> = {
  supports(site) {
    const [input, output] = [inputOf(site, 0), outputOf(site)];
    if (lookupOf(site)) return true;
    return input.type.dtype === 'float32' && perTensor(output.type) !== null;
  },
  lower(site, emit) {
    const output = outputOf(site);
    const emitLookups = lookupOf(site);
    if (emitLookups) return emitLookups(emit);
    const { scale, zero, low, high } = perTensor(output.type) as PerTensor;
    emitElementwise(emit, {
      label: 'QUANTIZE',
      operands: [inputOf(site, 0)],
      output,
      params: {
        reciprocal: f32(1 / scale),
        zero: i32(zero),
        low: f32(low - zero),
        high: f32(high - zero),
      },
      declarations: roundFunction(emit.traits),
      expression:
        'nearest(clamp(a * params.reciprocal, vec4(params.low), vec4(params.high))) + params.zero',
    });
  },
};
