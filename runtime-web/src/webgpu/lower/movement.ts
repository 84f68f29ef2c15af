/** Ops that give elements another place or shape. */
import {
  ActivationFunctionType,
  normalizeAxis,
  type OpName,
  type TensorType,
} from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { count, merge, rowMajor, type Walk } from '../../lower/dims.js';
import { inputOf, integersOf, outputOf } from '../../lower/operands.js';
import { type Path, SOURCE_PATHS } from '../../lower/paths.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { i32, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import { elementOf, type StoredDType } from '../wgsl/storage.js';
import { LANES } from '../wgsl/text.js';
import { walkCode } from '../wgsl/walk.js';
import { emitElementwise } from './elementwise.js';
import { emitNarrowed } from './narrow.js';
import { canMove, type Ends } from './reshape.js';

/** Emits y = the elements of x along a path, in the order of y's. */
function emitFrom(emit: Emitter, label: string, [input, output]: Ends, path: Path): void {
  const { dims = output.type.shape, start, strides } = path;
  emitElementwise(emit, {
    label,
    operands: [input],
    output,
    walk: { ...merge({ dims, strides: [strides] }), starts: [start] },
    expression: 'a',
  });
}

/** An op that takes input 0 along a path to output 0. */
function from<N extends OpName>(
  path: (shape: readonly number[], site: LowerSite<N>) => Path,
): Lowering<N> {
  return {
    supports: (site) => canMove([inputOf(site, 0), outputOf(site)]),
    lower(site, emit) {
      const { shape } = inputOf(site, 0).type;
      emitFrom(emit, site.op, [inputOf(site, 0), outputOf(site)], path(shape, site));
    },
  };
}

/** Blocks of pixels become pixels: dimensions [batch, rows, columns, y, x, depth] of the output. */
const spaceToDepth = from<'SPACE_TO_DEPTH'>((shape, site) => {
  const [batch, height, width, depth] = shape as [number, number, number, number];
  const { blockSize: block } = site.options;
  return {
    dims: [batch, height / block, width / block, block, block, depth],
    start: 0,
    strides: [
      height * width * depth,
      block * width * depth,
      block * depth,
      width * depth,
      depth,
      1,
    ],
  };
});

/** Pixels become blocks: dimensions [batch, rows, y, columns, x, depth] of the output. */
const depthToSpace = from<'DEPTH_TO_SPACE'>((shape, site) => {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  const { blockSize: block } = site.options;
  const depth = channels / block ** 2;
  return {
    dims: [batch, height, block, width, block, depth],
    start: 0,
    strides: [height * width * channels, width * channels, block * depth, channels, depth, 1],
  };
});

/** Input `data` falls into the outputs along an axis. */
function split<N extends OpName>(
  data: number,
  axisOf: (site: LowerSite<N>) => number,
  isKept: boolean,
): Lowering<N> {
  return {
    supports: (site) => site.outputs.every((output) => canMove([inputOf(site, data), output])),
    lower(site, emit) {
      const input = inputOf(site, data);
      const { shape } = input.type;
      const axis = normalizeAxis(axisOf(site), shape.length);
      const strides = rowMajor(shape);
      const step = strides[axis] as number;
      let start = 0;
      for (const output of site.outputs) {
        const path = { start, strides: isKept ? strides : strides.filter((_, at) => at !== axis) };
        emitFrom(emit, site.op, [input, output], path);
        start += step * (isKept ? (output.type.shape[axis] as number) : 1);
      }
    },
  };
}

/** The walk of an input's elements to where a path has them. */
function pathWalk({ type: { shape } }: Operand, { strides }: Path): Walk {
  const walk = merge({ dims: shape, strides: [rowMajor(shape), strides] });
  return { dims: walk.dims, strides: walk.strides.slice(1) };
}

/** Whether fours of an input's elements are fours of what they become, too. */
function isInFours(input: Operand, path: Path): boolean {
  const {
    dims,
    strides: [strides = []],
  } = pathWalk(input, path);
  const last = dims.length - 1;
  return (
    path.start % 4 === 0 &&
    (dims[last] as number) % 4 === 0 &&
    strides[last] === 1 &&
    strides.every((stride, axis) => axis === last || stride % 4 === 0)
  );
}

/** Emits y[path] = the elements of x, activated, in the order of x's; other elements of y stay. */
function emitInto(
  emit: Emitter,
  label: string,
  [input, output]: Ends,
  path: Path,
  activation: ActivationFunctionType,
): void {
  const { dtype, shape } = input.type;
  const width = isInFours(input, path) ? 4 : 1;
  const code = walkCode(pathWalk(input, path), ['y_at'], [path.start]);
  const invocations = count(shape) / width;
  const isFloat = dtype === 'float32';
  emit.run({
    label,
    bindings: { x: reads(input, width), y: writes(output, width) },
    params: { invocations: u32(invocations), ...code.params },
    grid: { invocations },
    declarations: `${code.functions}
${isFloat ? activationFunction(activation, width === 4 ? 'vec4<f32>' : 'f32') : ''}`,
    body: `
if (index >= params.invocations) { return; }
let v = x_load(index);
y_store(y_at(${width}u * index) / ${width}u, ${isFloat ? 'activate(v)' : 'v'});`,
  });
}

/** Inputs that lie one after the other along an axis of the output, `isKept` or new. */
function join<N extends 'CONCATENATION' | 'PACK'>(isKept: boolean): Lowering<N> {
  const pathsOf = (site: LowerSite<N>): readonly Path[] => {
    const { shape } = outputOf(site).type;
    const { axis: given } = site.options as { readonly axis: number };
    const axis = normalizeAxis(given, shape.length);
    const strides = rowMajor(shape);
    const own = isKept ? strides : strides.filter((_, at) => at !== axis);
    let start = 0;
    return site.inputs.map((_, index) => {
      const path = { start, strides: own };
      start +=
        (strides[axis] as number) *
        (isKept ? (inputOf(site, index).type.shape[axis] as number) : 1);
      return path;
    });
  };
  return {
    supports(site) {
      const output = outputOf(site);
      const hasActivation = activationOf(site) !== ActivationFunctionType.NONE;
      if (hasActivation && output.type.dtype !== 'float32') return false;
      return site.inputs.every((_, index) => {
        const input = inputOf(site, index);
        return canMove([input, output]) && !input.type.shape.includes(0);
      });
    },
    lower(site, emit) {
      const paths = pathsOf(site);
      const inFours = paths.every((path, index) => isInFours(inputOf(site, index), path));
      emitNarrowed(emit, outputOf(site), inFours, (output) => {
        paths.forEach((path, index) => {
          emitInto(emit, site.op, [inputOf(site, index), output], path, activationOf(site));
        });
      });
    },
  };
}

/** A dimension of what is padded: elements of the output, those before the input's, and the input's. */
interface Padded {
  readonly size: number;
  readonly before: number;
  readonly inner: number;
}

/** The dimensions of padding, those merged that nothing is added to. */
function paddedDims(site: LowerSite<'PAD' | 'PADV2'>): readonly Padded[] {
  const [inner, outer] = [inputOf(site, 0).type.shape, outputOf(site).type.shape];
  const amounts = integersOf(site, 1);
  const dims: Padded[] = [];
  outer.forEach((size, axis) => {
    const dim = { size, before: amounts[2 * axis] as number, inner: inner[axis] as number };
    const last = dims.at(-1);
    if (last === undefined || dim.before !== 0 || dim.inner !== size) dims.push(dim);
    else {
      dims[dims.length - 1] = {
        size: last.size * size,
        before: last.before * size,
        inner: last.inner * size,
      };
    }
  });
  return dims;
}

/** What is round the input: zero or the element of input 2. */
function padValue(site: LowerSite<'PAD' | 'PADV2'>): number | null {
  const { type } = outputOf(site);
  if (site.op !== 'PADV2') return storedZero(type);
  const value = site.inputs[2]?.value?.[0];
  return value === undefined || type.dtype === 'float16' ? null : Number(value);
}

/** How a type stores zero; null where its elements have no scale in common. */
export function storedZero({ quantization }: TensorType): number | null {
  if (quantization === undefined) return 0;
  return quantization.kind === 'affine' ? (quantization.zeroPoint[0] ?? null) : null;
}

function pad<N extends 'PAD' | 'PADV2'>(): Lowering<N> {
  return {
    supports(site) {
      const ends = [inputOf(site, 0), outputOf(site)] as const;
      return padValue(site) !== null && canMove(ends);
    },
    lower(site, emit) {
      const [input, output] = [inputOf(site, 0), outputOf(site)];
      const type = elementOf(output.type.dtype as StoredDType);
      const dims = paddedDims(site);
      const strides = rowMajor(dims.map(({ inner }) => inner));
      const invocations = Math.ceil(count(output.type.shape) / 4);
      // Fours of the output that are fours of the input or lie round it.
      const { size, before, inner } = dims.at(-1) as Padded;
      const width = [size, before, inner].every((extent) => extent % 4 === 0) ? 4 : 1;
      const params: Record<string, Param> = { invocations: u32(invocations) };
      const lines = dims.map((dim, axis) => {
        params[`size${axis}`] = u32(dim.size);
        params[`before${axis}`] = i32(dim.before);
        params[`inner${axis}`] = i32(dim.inner);
        params[`stride${axis}`] = i32(strides[axis] as number);
        const position = axis === 0 ? 'rest' : `rest % params.size${axis}`;
        return `at${axis} = i32(${position}) - params.before${axis}; inside &= (at${axis} >= 0) & (at${axis} < params.inner${axis}); place += at${axis} * params.stride${axis}; ${axis === 0 ? '' : `rest /= params.size${axis};`}`;
      });
      const value = `vec4<${type}>(params.value)`;
      const load =
        width === 4
          ? 'let at = source(4u * index); let v = select(outside, x_load(u32(max(at, 0)) / 4u), at >= 0);'
          : `let at = vec4(${LANES.map((_, j) => `source(4u * index + ${j}u)`).join(', ')});
let v = select(outside, vec4(${LANES.map((lane) => `x_load(u32(max(at.${lane}, 0)))`).join(', ')}), at >= vec4(0));`;
      emit.run({
        label: site.op,
        bindings: { x: reads(input, width), y: writes(output, 4) },
        params: { ...params, value: [type, padValue(site) as number] },
        grid: { invocations },
        declarations: `fn source(flat: u32) -> i32 {
  var rest = flat; var place = 0; var inside = true;
  ${lines
    .map((line) => `let ${line}`)
    .reverse()
    .join('\n  ')}
  return select(-1, place, inside);
}`,
        body: `if (index >= params.invocations) { return; }
let outside = ${value};
${load}
y_store(index, v);`,
      });
    },
  };
}

export const MOVEMENT_LOWERINGS = {
  TRANSPOSE: from<'TRANSPOSE'>(SOURCE_PATHS.TRANSPOSE),
  CONCATENATION: join<'CONCATENATION'>(true),
  PACK: join<'PACK'>(false),
  SPLIT: split<'SPLIT'>(1, (site) => integersOf(site, 0)[0] as number, true),
  SPLIT_V: split<'SPLIT_V'>(0, (site) => integersOf(site, 2)[0] as number, true),
  UNPACK: split<'UNPACK'>(0, ({ options }) => options.axis, false),
  SLICE: from<'SLICE'>(SOURCE_PATHS.SLICE),
  STRIDED_SLICE: from<'STRIDED_SLICE'>(SOURCE_PATHS.STRIDED_SLICE),
  REVERSE_V2: from<'REVERSE_V2'>(SOURCE_PATHS.REVERSE_V2),
  TILE: from<'TILE'>(SOURCE_PATHS.TILE),
  BROADCAST_TO: from<'BROADCAST_TO'>(SOURCE_PATHS.BROADCAST_TO),
  SPACE_TO_DEPTH: spaceToDepth,
  DEPTH_TO_SPACE: depthToSpace,
  PAD: pad<'PAD'>(),
  PADV2: pad<'PADV2'>(),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
