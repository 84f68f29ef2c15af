/** Quantization of activations when the model runs. */
import { count } from '../../lower/dims.js';
import type { BufferRef, Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { roundFunction } from '../wgsl/bytes.js';
import { array, type Binding, reads, u32, writes } from '../wgsl/kernel.js';
import { quadCode } from '../wgsl/quad.js';
import { nearestQuotientFunction, OVER_127_5 } from '../wgsl/quotient.js';
import type { Width } from '../wgsl/storage.js';
import { times } from '../wgsl/text.js';

export interface QuantizedRows {
  /** int8, of the input's shape. */
  readonly bytes: Operand;
  /** Zero point and scale of each row: vec2<f32>. */
  readonly rows: BufferRef;
}

/** Loads of a row that four invocations go through together. */
const CHUNK = 1024;

/**
 * Emits the quantization of each of `rows` equal parts of a float32 tensor on its own: real = scale *
 * (q - zero), the range includes 0. Bytes, zero points and scales are those of quantize_rows of the WASM
 * kernels, on any device, but where numbers are denormal, infinite or NaN.
 */
export function emitQuantizedRows(emit: Emitter, input: Operand, rows: number): QuantizedRows {
  const elements = count(input.type.shape);
  const size = elements / rows;
  const width = size % 4 === 0 ? 4 : 1;
  const vector = width === 4 ? 'vec4<f32>' : 'f32';
  const steps = size / width;
  const chunks = Math.ceil(steps / CHUNK);
  const fitted = emit.scratch(8 * rows);
  const ranges = chunks === 1 ? fitted : emit.scratch(8 * rows * chunks);
  const fit = 'fit(low, high)';
  emitRanges(emit, {
    source: reads(input, width),
    vector,
    ends: ['x_load(at)', 'x_load(at)'],
    output: ranges,
    sizes: [rows, chunks, steps],
    result: chunks === 1 ? fit : 'vec2(low, high)',
  });
  if (chunks > 1) {
    emitRanges(emit, {
      source: array(ranges, 'vec2<f32>', 'read'),
      vector: 'f32',
      ends: ['x[at].x', 'x[at].y'],
      output: fitted,
      sizes: [rows, 1, chunks],
      result: fit,
    });
  }
  const bytes: Operand = {
    type: { dtype: 'int8', shape: input.type.shape },
    ref: emit.scratch(elements),
    value: undefined,
  };
  const invocations = Math.ceil(elements / 4);
  const quantized =
    width === 4
      ? 'quantize(x_load(index), index)'
      : `vec4(${times(4, (j) => `quantize(x_load(4u * index + ${j}u), 4u * index + ${j}u)`).join(', ')})`;
  emit.run({
    label: 'quantize rows',
    bindings: {
      x: reads(input, width),
      rows: array(fitted, 'vec2<f32>', 'read'),
      y: writes(bytes, 4),
    },
    params: { invocations: u32(invocations), steps: u32(steps) },
    grid: { invocations },
    declarations: `${roundFunction(emit.traits, width)}${nearestQuotientFunction(width)}
${quantizeFunction(width, rows)}`,
    body: `if (index >= params.invocations) { return; }
y_store(index, ${quantized});`,
  });
  return { bytes, rows: fitted };
}

function quantizeFunction(width: Width, rows: number): string {
  const [real, integer] = width === 4 ? ['vec4<f32>', 'vec4<i32>'] : ['f32', 'i32'];
  return `fn quantize(v: ${real}, at: u32) -> ${integer} {
  let row = rows[${rows === 1 ? '0' : 'at / params.steps'}];
  let near = nearest_quotient(v, row.y, nearest(v * (1.0 / row.y)));
  return clamp(near + i32(row.x), ${integer}(-128), ${integer}(127));
}`;
}

interface Ranges {
  readonly source: Binding;
  /** The type of what is loaded at a time, and its least and largest elements at step `at`. */
  readonly vector: 'f32' | 'vec4<f32>';
  readonly ends: readonly [low: string, high: string];
  readonly output: BufferRef;
  readonly sizes: readonly [rows: number, chunks: number, steps: number];
  /** What is stored for the ends `low` and `high` of a chunk. */
  readonly result: string;
}

/** The zero point and scale of int8 for a range that includes 0: fit_int8 of the WASM kernels. */
const FIT = `${nearestQuotientFunction(1)}${OVER_127_5}
fn units(x: f32, scale: f32) -> i32 { return nearest_quotient(x, scale, i32(round(x / scale))); }
fn fit(low: f32, high: f32) -> vec2<f32> {
  let range = 0.5 * high - 0.5 * low;
  if (range < 0x1.fep-120f) { return vec2(0.0, 1.0); }
  let scale = over_127_5(range);
  // The end of the range that gives the smaller rounding error.
  let zero = select(127 - units(high, scale), units(-low, scale) - 128, low + high > scale);
  return vec2(f32(zero), scale);
}`;

/** Emits what `result` makes of the least and largest element of each chunk of each row, and 0. */
function emitRanges(emit: Emitter, { source, vector, ends, output, sizes, result }: Ranges): void {
  const [rows, chunks, steps] = sizes;
  const quad = quadCode(emit.traits, 64, 'f32');
  const across = (by: string, name: string) =>
    vector === 'f32' ? name : `${by}(${by}(${name}.x, ${name}.y), ${by}(${name}.z, ${name}.w))`;
  const both = ['min', 'max'].map((by) => (a: string, b: string) => `${by}(${a}, ${b})`);
  const [least, most] = both as [(typeof both)[0], (typeof both)[0]];
  emit.run({
    label: 'measure rows',
    quads: quad.quads,
    bindings: { x: source, y: array(output, 'vec2<f32>', 'read_write') },
    params: { parts: u32(rows * chunks), chunks: u32(chunks), steps: u32(steps) },
    grid: { invocations: 4 * rows * chunks },
    declarations: `${quad.declarations}${FIT}`,
    body: `
let part = min(index / 4u, params.parts - 1u);
let begin = part / params.chunks * params.steps;
let first = part % params.chunks * ${CHUNK}u;
var lows = ${vector}();
var highs = ${vector}();
for (var k = first + (lane & 3u); k < min(first + ${CHUNK}u, params.steps); k += 4u) {
  let at = begin + k;
  lows = ${least('lows', ends[0])};
  highs = ${most('highs', ends[1])};
}
var low = ${across('min', 'lows')};
var high = ${across('max', 'highs')};
${quad.combine('low', least)}
${quad.combine('high', most)}
if ((lane & 3u) == 0u && index / 4u < params.parts) { y[part] = ${result}; }`,
  });
}
