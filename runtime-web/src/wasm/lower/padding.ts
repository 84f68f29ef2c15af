/** Ops that put a tensor into a larger one, or move blocks of its dimensions to the batch. */
import { MirrorPadMode, type OpName } from '@linnet/schema';
import { count, rowMajor } from '../../lower/dims.js';
import { canMove, inputOf, integersOf, isOneElement, outputOf } from '../../lower/operands.js';
import { elementBytes } from '../../model/storage.js';
import type { BufferRef, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitCopy, field, type View } from './dims.js';
import { elementConstant, emitFill, emitMove, indices } from './operands.js';

/** The part of a padded tensor of `shape` that begins `before` elements in. */
function inside(ref: BufferRef, shape: readonly number[], before: readonly number[]): View {
  const strides = rowMajor(shape);
  const start = strides.reduce((sum, stride, axis) => sum + stride * (before[axis] as number), 0);
  return { ref, start, strides };
}

/** Emits `to` filled with `value` and, `before` elements in, `from`. */
function emitPad(
  emit: Emitter,
  from: Operand,
  to: Operand,
  before: readonly number[],
  value: BufferRef,
): void {
  const { shape } = from.type;
  emitFill(emit, to, value);
  const source = { ref: from.ref, strides: rowMajor(shape) };
  emitCopy(emit, elementBytes(to.type.dtype), shape, source, inside(to.ref, to.type.shape, before));
}

/** The amounts before each dimension, of [before, after] pairs. */
function beforeOf(pairs: readonly number[]): number[] {
  return pairs.filter((_, index) => index % 2 === 0);
}

const pad: Lowering<'PAD'> = {
  supports: (site) => canMove(inputOf(site, 0).type, outputOf(site).type),
  lower(site, emit) {
    const to = outputOf(site);
    emitPad(
      emit,
      inputOf(site, 0),
      to,
      beforeOf(integersOf(site, 1)),
      elementConstant(emit, to.type),
    );
  },
};

const padV2: Lowering<'PADV2'> = {
  supports: (site) =>
    isOneElement(site, 2) &&
    [0, 2].every((index) => canMove(inputOf(site, index).type, outputOf(site).type)),
  lower(site, emit) {
    const before = beforeOf(integersOf(site, 1));
    emitPad(emit, inputOf(site, 0), outputOf(site), before, inputOf(site, 2).ref);
  },
};

/** A stretch of an output dimension, and the input elements that it shows. */
interface Stretch {
  readonly size: number;
  readonly to: number;
  readonly from: number;
  readonly step: 1 | -1;
}

/** The reflection before a dimension, the dimension, and the reflection after it. */
function mirrored(size: number, before: number, after: number, skip: 0 | 1): readonly Stretch[] {
  const stretches: readonly Stretch[] = [
    { size: before, to: 0, from: before - 1 + skip, step: -1 },
    { size, to: before, from: 0, step: 1 },
    { size: after, to: before + size, from: size - 1 - skip, step: -1 },
  ];
  return stretches.filter((stretch) => stretch.size > 0);
}

const mirrorPad: Lowering<'MIRROR_PAD'> = {
  supports: (site) => canMove(inputOf(site, 0).type, outputOf(site).type),
  lower(site, emit) {
    const [source, target] = [inputOf(site, 0), outputOf(site)];
    const pairs = integersOf(site, 1);
    const skip = site.options.mode === MirrorPadMode.REFLECT ? 1 : 0;
    const [from, to] = [rowMajor(source.type.shape), rowMajor(target.type.shape)];
    let blocks: readonly (readonly Stretch[])[] = [[]];
    source.type.shape.forEach((dim, axis) => {
      const [before, after] = pairs.slice(2 * axis) as [number, number];
      const stretches = mirrored(dim, before, after, skip);
      blocks = blocks.flatMap((block) => stretches.map((stretch) => [...block, stretch]));
    });
    const at = (strides: readonly number[], positions: readonly number[]) =>
      strides.reduce((sum, stride, axis) => sum + stride * (positions[axis] as number), 0);
    for (const block of blocks) {
      emitCopy(
        emit,
        elementBytes(target.type.dtype),
        block.map(({ size }) => size),
        {
          ref: source.ref,
          start: at(
            from,
            block.map((stretch) => stretch.from),
          ),
          strides: from.map((stride, axis) => stride * (block[axis]?.step ?? 1)),
        },
        {
          ref: target.ref,
          start: at(
            to,
            block.map((stretch) => stretch.to),
          ),
          strides: to,
        },
      );
    }
  },
};

/**
 * The dimensions [blocks..., batch, positions..., rest...] that both sides of a move between space
 * and batch share: `batched` is [blocks * batch, positions..., rest...] and `spatial` is
 * [batch, positions * blocks..., rest...], padding included.
 */
function batchBlocks(batched: readonly number[], blocks: readonly number[]) {
  const [all, ...rest] = batched as readonly [number, ...number[]];
  const batch = all / count(blocks);
  const spatial = [batch, ...rest.map((dim, axis) => dim * (blocks[axis] ?? 1))];
  const [batchStride, ...steps] = rowMajor(spatial) as [number, ...number[]];
  const dims = [...blocks, batch, ...rest];
  return {
    dims,
    spatial,
    batchedStrides: rowMajor(dims),
    spatialStrides: [
      ...blocks.map((_, axis) => steps[axis] as number),
      batchStride,
      ...steps.map((step, axis) => step * (blocks[axis] ?? 1)),
    ],
  };
}

/** The amounts before each dimension of a tensor, given those of the dimensions after the batch. */
function spatialBefore(pairs: readonly number[], rank: number): number[] {
  const before = [0, ...beforeOf(pairs)];
  return [...before, ...new Array<number>(rank - before.length).fill(0)];
}

const spaceToBatch: Lowering<'SPACE_TO_BATCH_ND'> = {
  supports: (site) => canMove(inputOf(site, 0).type, outputOf(site).type),
  lower(site, emit) {
    const [source, target] = [inputOf(site, 0), outputOf(site)];
    const blocks = batchBlocks(target.type.shape, integersOf(site, 1));
    const size = elementBytes(target.type.dtype);
    let { ref } = source;
    if (integersOf(site, 2).some((amount) => amount > 0)) {
      ref = emit.scratch(size * count(blocks.spatial));
      const padded = { ...target, type: { ...target.type, shape: blocks.spatial }, ref };
      const before = spatialBefore(integersOf(site, 2), blocks.spatial.length);
      emitPad(emit, source, padded, before, elementConstant(emit, target.type));
    }
    const from = { ref, strides: blocks.spatialStrides };
    emitCopy(emit, size, blocks.dims, from, { ref: target.ref, strides: blocks.batchedStrides });
  },
};

const batchToSpace: Lowering<'BATCH_TO_SPACE_ND'> = {
  supports: (site) => canMove(inputOf(site, 0).type, outputOf(site).type),
  lower(site, emit) {
    const [source, target] = [inputOf(site, 0), outputOf(site)];
    const blocks = batchBlocks(source.type.shape, integersOf(site, 1));
    const size = elementBytes(target.type.dtype);
    const cropped = integersOf(site, 2).some((amount) => amount > 0);
    const ref = cropped ? emit.scratch(size * count(blocks.spatial)) : target.ref;
    const from = { ref: source.ref, strides: blocks.batchedStrides };
    emitCopy(emit, size, blocks.dims, from, { ref, strides: blocks.spatialStrides });
    if (!cropped) return;
    const before = spatialBefore(integersOf(site, 2), blocks.spatial.length);
    const { shape } = target.type;
    emitCopy(emit, size, shape, inside(ref, blocks.spatial, before), {
      ref: target.ref,
      strides: rowMajor(shape),
    });
  },
};

/** The view of the main diagonals of matrices [..., rows, columns]. */
function diagonals(ref: BufferRef, shape: readonly number[]): View {
  const columns = shape.at(-1) as number;
  return { ref, strides: [...rowMajor(shape).slice(0, -2), columns + 1] };
}

/** Emits the diagonals of the output from the tensor that holds them. */
function emitDiagonals(emit: Emitter, from: Operand, to: Operand): void {
  const { dtype, shape } = from.type;
  const source = { ref: from.ref, strides: rowMajor(shape) };
  emitCopy(emit, elementBytes(dtype), shape, source, diagonals(to.ref, to.type.shape));
}

const matrixDiag: Lowering<'MATRIX_DIAG'> = {
  supports: (site) => canMove(inputOf(site, 0).type, outputOf(site).type),
  lower(site, emit) {
    const to = outputOf(site);
    emitFill(emit, to, elementConstant(emit, to.type));
    emitDiagonals(emit, inputOf(site, 0), to);
  },
};

const matrixSetDiag: Lowering<'MATRIX_SET_DIAG'> = {
  supports: (site) =>
    [0, 1].every((index) => canMove(inputOf(site, index).type, outputOf(site).type)),
  lower(site, emit) {
    emitMove(emit, inputOf(site, 0), outputOf(site));
    emitDiagonals(emit, inputOf(site, 1), outputOf(site));
  },
};

const dynamicUpdateSlice: Lowering<'DYNAMIC_UPDATE_SLICE'> = {
  supports: (site) =>
    outputOf(site).type.shape.length <= 8 &&
    [0, 1].every((index) => canMove(inputOf(site, index).type, outputOf(site).type)),
  lower(site, emit) {
    const [operand, update, start, y] = [
      inputOf(site, 0),
      inputOf(site, 1),
      inputOf(site, 2),
      outputOf(site),
    ];
    emitMove(emit, operand, y);
    const rank = y.type.shape.length;
    if (count(update.type.shape) === 0) return;
    if (rank === 0) return emitMove(emit, update, y);
    const { ref, wide } = indices(emit, start);
    emit.call('update_slice', {
      start: ref,
      update: update.ref,
      y: y.ref,
      size: elementBytes(y.type.dtype),
      rank,
      dims: field(y.type.shape),
      update_dims: field(update.type.shape),
      wide,
    });
  },
};

export const PADDING_LOWERINGS = {
  PAD: pad,
  PADV2: padV2,
  MIRROR_PAD: mirrorPad,
  SPACE_TO_BATCH_ND: spaceToBatch,
  BATCH_TO_SPACE_ND: batchToSpace,
  MATRIX_DIAG: matrixDiag,
  MATRIX_SET_DIAG: matrixSetDiag,
  DYNAMIC_UPDATE_SLICE: dynamicUpdateSlice,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
