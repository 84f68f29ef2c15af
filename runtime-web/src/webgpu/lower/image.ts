/** Resampling of NHWC images. */
import type { OpName } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { mode, nearest, neighbours, positions, shares } from '../../lower/resize.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { type Binding, reads, u32, writes } from '../wgsl/kernel.js';
import { elementOf, type StoredDType } from '../wgsl/storage.js';
import { times } from '../wgsl/text.js';
import type { Shape4 } from './product.js';
import { canMove } from './reshape.js';

type ResizeOp = 'RESIZE_BILINEAR' | 'RESIZE_NEAREST_NEIGHBOR';

/** How elements of the output come of the input's. */
interface Resampling {
  readonly bindings: Readonly<Record<string, Binding>>;
  /** Of functions `pixel(image, row, column) -> u32` and `x_load`, the statements that give `value`. */
  readonly value: string;
}

/**
 * Emits an output whose invocations compute four elements each: of one pixel where its channels are
 * whole fours, one by one otherwise.
 */
function emitResize(
  emit: Emitter,
  site: LowerSite<ResizeOp>,
  { bindings, value }: Resampling,
): void {
  const [input, output] = [inputOf(site, 0), outputOf(site)];
  const [, inH, inW, channels] = input.type.shape as Shape4;
  const [, outH, outW] = output.type.shape as Shape4;
  const width = channels % 4 === 0 ? 4 : 1;
  const element = elementOf(output.type.dtype as StoredDType);
  const type = width === 4 ? `vec4<${element}>` : element;
  const invocations = Math.ceil(count(output.type.shape) / 4);
  const last = count(output.type.shape) / width - 1;
  emit.run({
    label: site.op,
    bindings: { x: reads(input, width), ...bindings, y: writes(output, 4) },
    params: {
      invocations: u32(invocations),
      last: u32(last),
      in_h: u32(inH),
      in_w: u32(inW),
      channels: u32(channels / width),
      out_h: u32(outH),
      out_w: u32(outW),
    },
    grid: { invocations },
    declarations: `
fn between(a: ${type}, b: ${type}, share: ${element}) -> ${type} {
  return ${element === 'f32' ? 'a + (b - a) * share' : 'a * 2048 + (b - a) * share'};
}
fn element(at: u32) -> ${type} {
  let channel = at % params.channels;
  var rest = at / params.channels;
  let column = rest % params.out_w;
  rest /= params.out_w;
  let line = rest % params.out_h;
  let image = rest / params.out_h * params.in_h;
  ${value}
}
fn pixel(row: u32, column: i32, channel: u32) -> ${type} {
  return x_load((row * params.in_w + u32(column)) * params.channels + channel);
}`,
    body: `
if (index >= params.invocations) { return; }
y_store(index, ${
      width === 4
        ? 'element(index)'
        : `vec4(${times(4, (j) => `element(min(4u * index + ${j}u, params.last))`).join(', ')})`
    });`,
  });
}

const ints = (emit: Emitter, key: string, make: () => Int32Array) =>
  reads({ ref: emit.constant(key, make), type: { dtype: 'int32' } }, 1);

const resizeNearest: Lowering<'RESIZE_NEAREST_NEIGHBOR'> = {
  supports: (site) => canMove([inputOf(site, 0), outputOf(site)]) && hasPixels(site),
  lower(site, emit) {
    const [, inH, inW] = inputOf(site, 0).type.shape as Shape4;
    const [, outH, outW] = outputOf(site).type.shape as Shape4;
    const table = (size: number, outputs: number) =>
      ints(emit, `nearest ${size} ${outputs} ${mode(site.options)}`, () =>
        nearest(size, outputs, site.options),
      );
    emitResize(emit, site, {
      bindings: { rows: table(inH, outH), columns: table(inW, outW) },
      value: 'return pixel(image + u32(rows_load(line)), columns_load(column), channel);',
    });
  },
};

function hasPixels(site: LowerSite<ResizeOp>): boolean {
  return !inputOf(site, 0).type.shape.includes(0);
}

/** Bytes of one quantization are interpolated as they are, by shares in 1 / 2048, and rounded half up. */
const resizeBilinear: Lowering<'RESIZE_BILINEAR'> = {
  supports(site) {
    const { dtype } = inputOf(site, 0).type;
    const isKnown = dtype === 'float32' || dtype === 'int8' || dtype === 'uint8';
    return isKnown && canMove([inputOf(site, 0), outputOf(site)]) && hasPixels(site);
  },
  lower(site, emit) {
    const [, inH, inW] = inputOf(site, 0).type.shape as Shape4;
    const [, outH, outW] = outputOf(site).type.shape as Shape4;
    const isFloat = inputOf(site, 0).type.dtype === 'float32';
    const tables = (name: string, size: number, outputs: number) => {
      const key = `bilinear ${size} ${outputs} ${mode(site.options)}`;
      const at = () => positions(size, outputs, site.options);
      const ref = emit.constant(`${key} shares ${isFloat}`, () =>
        shares(at(), isFloat ? null : 2048),
      );
      return {
        [name]: ints(emit, `${key} elements`, () => neighbours(at(), size)),
        [`${name}_share`]: reads({ ref, type: { dtype: isFloat ? 'float32' : 'int32' } }, 1),
      };
    };
    const line = (row: string) =>
      `between(pixel(${row}, left, channel), pixel(${row}, right, channel), h)`;
    const mixed = 'between(upper, lower, rows_share_load(line))';
    emitResize(emit, site, {
      bindings: { ...tables('rows', inH, outH), ...tables('columns', inW, outW) },
      value: `
  let left = columns_load(2u * column);
  let right = columns_load(2u * column + 1u);
  let h = columns_share_load(column);
  let upper = ${line('image + u32(rows_load(2u * line))')};
  let lower = ${line('image + u32(rows_load(2u * line + 1u))')};
  return ${isFloat ? mixed : `(${mixed} + 0x200000) >> ${shiftOf(inputOf(site, 0).type.shape)}`};`,
    });
  },
};

/** Shifts of vectors take vectors. */
function shiftOf(shape: readonly number[]): string {
  return (shape[3] as number) % 4 === 0 ? 'vec4(22u)' : '22u';
}

export const IMAGE_LOWERINGS = {
  RESIZE_BILINEAR: resizeBilinear,
  RESIZE_NEAREST_NEIGHBOR: resizeNearest,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
