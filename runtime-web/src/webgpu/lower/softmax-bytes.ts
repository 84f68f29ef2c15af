/** SOFTMAX of bytes. */
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor } from '../../lower/quantization.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { f32, i32, reads, u32, writes } from '../wgsl/kernel.js';
import { emitNarrowed } from './narrow.js';

type Site = LowerSite<'SOFTMAX' | 'LOG_SOFTMAX'>;

/** What emits SOFTMAX from bytes to bytes of the same kind; null for other types. */
export function softmaxOf(site: Site, beta: number): ((emit: Emitter) => void) | null {
  const [x, y] = [perTensor(inputOf(site, 0).type), perTensor(outputOf(site).type)];
  if (!x || !y || x.dtype !== y.dtype || x.dtype === 'int16') return null;
  if (inputOf(site, 0).type.shape.includes(0)) return null;
  return (emit) => emitByteSoftmax(emit, site, x, y, beta);
}

/**
 * By a table of exponentials of the distance from a row's largest. An invocation has a row: the sum runs
 * from left to right, as the WASM kernel and TFLite's have it.
 */
function emitByteSoftmax(
  emit: Emitter,
  site: Site,
  x: PerTensor,
  y: PerTensor,
  beta: number,
): void {
  const [input, output] = [inputOf(site, 0), outputOf(site)];
  const length = input.type.shape.at(-1) as number;
  const rows = count(input.type.shape) / length;
  const factor = Math.fround(beta * x.scale);
  const exponentials = emit.constant(`exponentials ${factor}`, () =>
    Float32Array.from({ length: 256 }, (_, distance) => Math.exp(-Math.fround(factor * distance))),
  );
  emitNarrowed(emit, output, false, (to) =>
    emit.run({
      label: 'SOFTMAX',
      bindings: {
        x: reads(input, 1),
        exponentials: reads({ ref: exponentials, type: { dtype: 'float32' } }, 1),
        y: writes(to, 1),
      },
      params: {
        rows: u32(rows),
        length: u32(length),
        scale: f32(y.scale),
        zero: i32(y.zero),
        low: i32(y.low),
        high: i32(y.high),
      },
      grid: { invocations: rows },
      body: `
if (index >= params.rows) { return; }
let begin = index * params.length;
var most = x_load(begin);
for (var k = 1u; k < params.length; k++) { most = max(most, x_load(begin + k)); }
var sum = 0.0;
for (var k = 0u; k < params.length; k++) { sum += exponentials_load(u32(most - x_load(begin + k))); }
let factor = 1.0 / (sum * params.scale);
for (var k = 0u; k < params.length; k++) {
  let q = i32(exponentials_load(u32(most - x_load(begin + k))) * factor + 0.5) + params.zero;
  y_store(begin + k, clamp(q, params.low, params.high));
}`,
    }),
  );
}
