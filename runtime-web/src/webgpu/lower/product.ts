/** Products and convolutions of float32, each output element from its own invocation. */
import type { OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { imageAxes } from '../../lower/window.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { type Binding, reads, i32 as signed, u32, writes } from '../wgsl/kernel.js';

type Shape4 = readonly [number, number, number, number];

function isFloat(site: Pick<LowerSite<OpName>, 'inputs' | 'outputs'>): boolean {
  return [...site.inputs, ...site.outputs].every(
    (operand) => operand === null || operand.type.dtype === 'float32',
  );
}

/** The binding of a bias where there is one, and what a sum begins with. */
function biasOf(operand: Operand | null | undefined): {
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly start: (column: string) => string;
} {
  if (!operand) return { bindings: {}, start: () => '0.0' };
  return { bindings: { bias: reads(operand, 1) }, start: (column) => `bias_load(${column})` };
}

/** Input NHWC, weights OHWI; fewer input channels in the weights than in the input make groups. */
const convolution: Lowering<'CONV_2D'> = {
  supports: isFloat,
  lower(site, emit) {
    const [input, weights, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
    const [, inH, inW, channels] = input.type.shape as Shape4;
    const [outputs, height, width, depth] = weights.type.shape as Shape4;
    const [, outH, outW] = output.type.shape as Shape4;
    const [rows, columns] = imageAxes(
      input.type.shape,
      output.type.shape,
      [height, width],
      site.options,
      site.fused.padding,
    );
    const groups = depth === 0 ? 1 : channels / depth;
    const bias = biasOf(site.inputs[2]);
    const elements = count(output.type.shape);
    emit.run({
      label: 'CONV_2D',
      bindings: {
        input: reads(input, 1),
        weights: reads(weights, 1),
        ...bias.bindings,
        y: writes(output, 1),
      },
      params: {
        elements: u32(elements),
        in_h: signed(inH),
        in_w: signed(inW),
        channels: u32(channels),
        outputs: u32(outputs),
        per_group: u32(outputs / groups),
        depth: u32(depth),
        out_h: u32(outH),
        out_w: u32(outW),
        window_h: u32(height),
        window_w: u32(width),
        stride_h: signed(rows.stride),
        stride_w: signed(columns.stride),
        dilation_h: signed(rows.dilation),
        dilation_w: signed(columns.dilation),
        pad_top: signed(rows.before),
        pad_left: signed(columns.before),
      },
      grid: { invocations: elements },
      multiplyAdds: elements * height * width * depth,
      declarations: activationFunction(activationOf(site), 'f32'),
      body: `
  if (index >= params.elements) { return; }
  let column = index % params.outputs;
  var rest = index / params.outputs;
  let left = i32(rest % params.out_w) * params.stride_w - params.pad_left;
  rest /= params.out_w;
  let top = i32(rest % params.out_h) * params.stride_h - params.pad_top;
  let image = i32(rest / params.out_h);
  let first = column / params.per_group * params.depth;
  var sum = 0.0;
  for (var y = 0u; y < params.window_h; y++) {
    let row = top + i32(y) * params.dilation_h;
    if (row < 0 || row >= params.in_h) { continue; }
    for (var x = 0u; x < params.window_w; x++) {
      let at = left + i32(x) * params.dilation_w;
      if (at < 0 || at >= params.in_w) { continue; }
      let pixel = u32((image * params.in_h + row) * params.in_w + at) * params.channels + first;
      let tap = ((column * params.window_h + y) * params.window_w + x) * params.depth;
      for (var k = 0u; k < params.depth; k++) {
        sum += input_load(pixel + k) * weights_load(tap + k);
      }
    }
  }
  y_store(index, activate(sum + ${bias.start('column')}));`,
    });
  },
};

/** Input [..., depth] as rows, weights [units, depth]. */
const fullyConnected: Lowering<'FULLY_CONNECTED'> = {
  supports: isFloat,
  lower(site, emit) {
    const [input, weights, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
    const [units, depth] = weights.type.shape as readonly [number, number];
    const bias = biasOf(site.inputs[2]);
    const elements = count(output.type.shape);
    emit.run({
      label: 'FULLY_CONNECTED',
      bindings: {
        input: reads(input, 1),
        weights: reads(weights, 1),
        ...bias.bindings,
        y: writes(output, 1),
      },
      params: { elements: u32(elements), units: u32(units), depth: u32(depth) },
      grid: { invocations: elements },
      multiplyAdds: elements * depth,
      declarations: activationFunction(activationOf(site), 'f32'),
      body: `
  if (index >= params.elements) { return; }
  let unit = index % params.units;
  let row = index / params.units;
  var sum = 0.0;
  for (var k = 0u; k < params.depth; k++) {
    sum += input_load(row * params.depth + k) * weights_load(unit * params.depth + k);
  }
  y_store(index, activate(sum + ${bias.start('unit')}));`,
    });
  },
};

export const PRODUCT_LOWERINGS = {
  CONV_2D: convolution,
  FULLY_CONNECTED: fullyConnected,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
