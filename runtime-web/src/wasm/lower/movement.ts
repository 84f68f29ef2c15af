/** Ops that move elements: each is a list of strided copies. */
import { ActivationFunctionType, normalizeAxis, type OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { rowMajor } from '../../lower/dims.js';
import { type AnySite, canMove, inputOf, integersOf, outputOf } from '../../lower/operands.js';
import { type Path, SOURCE_PATHS } from '../../lower/paths.js';
import { elementBytes } from '../../model/storage.js';
import type { BufferRef, LowerSite } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { emitActivation } from './activation.js';
import { advance, emitCopy } from './dims.js';

/** One block of elements on its way from an input to an output. */
interface Copy {
  readonly input: number;
  readonly output: number;
  readonly dims: readonly number[];
  readonly from: Path;
  readonly to: Path;
}

function whole(shape: readonly number[]): Path {
  return { start: 0, strides: rowMajor(shape) };
}

/** An op that is nothing but copies. Its data are the inputs that `data` names, by default the first. */
function moves<N extends OpName>(
  copies: (site: LowerSite<N>) => readonly Copy[],
  data: (site: AnySite) => readonly number[] = () => [0],
): Lowering<N> {
  return {
    supports: (site) =>
      data(site).every((index) =>
        site.outputs.every(({ type }) => canMove(inputOf(site, index).type, type)),
      ),
    lower(site, emit) {
      for (const { input, output, dims, from, to } of copies(site)) {
        const [source, target] = [inputOf(site, input), outputOf(site, output)];
        const size = elementBytes(target.type.dtype);
        if (
          isInPlace(advance(source.ref, from.start * size), advance(target.ref, to.start * size))
        ) {
          continue;
        }
        emitCopy(emit, size, dims, { ...from, ref: source.ref }, { ...to, ref: target.ref });
      }
    },
  };
}

/** Whether planning has put elements where they are to go. */
function isInPlace(from: BufferRef, to: BufferRef): boolean {
  return from.buffer === to.buffer && from.offset === to.offset;
}

/** The copy of input 0 along a path of its own to the whole of output 0. */
function from<N extends OpName>(
  path: (shape: readonly number[], site: LowerSite<N>) => Path,
): Lowering<N> {
  return moves((site) => {
    const source = path(inputOf(site, 0).type.shape, site);
    const dims = source.dims ?? outputOf(site).type.shape;
    return [{ input: 0, output: 0, dims, from: source, to: whole(dims) }];
  });
}

/** The parts of a tensor along an axis, as paths: `sizes` elements each, one after the other. */
function along(shape: readonly number[], axis: number, sizes: readonly number[]): readonly Path[] {
  const strides = rowMajor(shape);
  let first = 0;
  return sizes.map((size) => {
    const start = first * (strides[axis] as number);
    first += size;
    return { start, strides };
  });
}

const everyInput = (site: AnySite) => site.inputs.map((_, index) => index);

const joined = moves<'CONCATENATION'>((site) => {
  const { shape } = outputOf(site).type;
  const axis = normalizeAxis(site.options.axis, shape.length);
  const parts = site.inputs.map((_, index) => inputOf(site, index).type.shape);
  const paths = along(
    shape,
    axis,
    parts.map((dims) => dims[axis] as number),
  );
  return parts.map((dims, input) => ({
    input,
    output: 0,
    dims,
    from: whole(dims),
    to: paths[input] as Path,
  }));
}, everyInput);

/** The joined inputs, and in float32 the activation that follows. */
const concatenation: Lowering<'CONCATENATION'> = {
  supports: (site) =>
    joined.supports(site) &&
    (activationOf(site) === ActivationFunctionType.NONE || outputOf(site).type.dtype === 'float32'),
  lower(site, emit) {
    joined.lower(site, emit);
    emitActivation(emit, outputOf(site), activationOf(site));
  },
};

/** Input `data` falls into the outputs along an axis. */
function split<N extends OpName>(data: number, axisInput: number): Lowering<N> {
  return moves<N>(
    (site) => {
      const { shape } = inputOf(site, data).type;
      const axis = normalizeAxis(integersOf(site, axisInput)[0] as number, shape.length);
      const parts = site.outputs.map(({ type }) => type.shape);
      const paths = along(
        shape,
        axis,
        parts.map((dims) => dims[axis] as number),
      );
      return parts.map((dims, output) => ({
        input: data,
        output,
        dims,
        from: paths[output] as Path,
        to: whole(dims),
      }));
    },
    () => [data],
  );
}

/** The slices of a tensor of `shape` at each position of an axis. */
function slices(shape: readonly number[], axis: number): readonly Path[] {
  const ones = new Array<number>(shape[axis] as number).fill(1);
  return along(shape, axis, ones).map(({ start, strides }) => ({
    start,
    strides: strides.filter((_, i) => i !== axis),
  }));
}

const pack = moves<'PACK'>((site) => {
  const { shape } = outputOf(site).type;
  const dims = inputOf(site, 0).type.shape;
  return slices(shape, normalizeAxis(site.options.axis, shape.length)).map((to, input) => ({
    input,
    output: 0,
    dims,
    from: whole(dims),
    to,
  }));
}, everyInput);

const unpack = moves<'UNPACK'>((site) => {
  const { shape } = inputOf(site, 0).type;
  const dims = outputOf(site).type.shape;
  return slices(shape, normalizeAxis(site.options.axis, shape.length)).map((path, output) => ({
    input: 0,
    output,
    dims,
    from: path,
    to: whole(dims),
  }));
});

/** The blocks of an image as dimensions [batch, rows, in block, columns, in block, depth]. */
function blockPath(
  shape: readonly number[],
  block: number,
): Path & { readonly dims: readonly number[] } {
  const [batch, height, width, depth] = shape as [number, number, number, number];
  const dims = [batch, height / block, block, width / block, block, depth];
  return { dims, ...whole(dims) };
}

/** The same order of dimensions in an image whose blocks lie in its depth. */
function depthPath(shape: readonly number[], block: number): Path {
  const [batch, height, width, depth] = shape as [number, number, number, number];
  const [n, row, column, y, x, c] = rowMajor([
    batch,
    height,
    width,
    block,
    block,
    depth / block ** 2,
  ]);
  return { start: 0, strides: [n, row, y, column, x, c] as number[] };
}

const spaceToDepth = moves<'SPACE_TO_DEPTH'>((site) => {
  const { blockSize } = site.options;
  const { dims, ...path } = blockPath(inputOf(site, 0).type.shape, blockSize);
  const to = depthPath(outputOf(site).type.shape, blockSize);
  return [{ input: 0, output: 0, dims, from: path, to }];
});

const depthToSpace = moves<'DEPTH_TO_SPACE'>((site) => {
  const { blockSize } = site.options;
  const { dims, ...to } = blockPath(outputOf(site).type.shape, blockSize);
  return [
    { input: 0, output: 0, dims, from: depthPath(inputOf(site, 0).type.shape, blockSize), to },
  ];
});

export const MOVEMENT_LOWERINGS = {
  TRANSPOSE: from<'TRANSPOSE'>(SOURCE_PATHS.TRANSPOSE),
  CONCATENATION: concatenation,
  SPLIT: split<'SPLIT'>(1, 0),
  SPLIT_V: split<'SPLIT_V'>(0, 2),
  PACK: pack,
  UNPACK: unpack,
  SLICE: from<'SLICE'>(SOURCE_PATHS.SLICE),
  STRIDED_SLICE: from<'STRIDED_SLICE'>(SOURCE_PATHS.STRIDED_SLICE),
  TILE: from<'TILE'>(SOURCE_PATHS.TILE),
  BROADCAST_TO: from<'BROADCAST_TO'>(SOURCE_PATHS.BROADCAST_TO),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };

export const REARRANGING_LOWERINGS = {
  REVERSE_V2: from<'REVERSE_V2'>(SOURCE_PATHS.REVERSE_V2),
  SPACE_TO_DEPTH: spaceToDepth,
  DEPTH_TO_SPACE: depthToSpace,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
