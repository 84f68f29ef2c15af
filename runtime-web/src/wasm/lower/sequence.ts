/** What recurrent layers share: sequences, and the products of their steps with the input's weights. */
import type { AnySite } from '../../lower/operands.js';
import type { BufferRef, Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { advance } from './dims.js';
import {
  constantElements,
  itemSizeF32,
  type KnownWeights,
  type Matrices,
  packArguments,
  packF32,
  paddedColumns,
} from './packing.js';
import type { Problem } from './problem.js';
import { emitProductF32 } from './product-f32.js';

/** A [batch, time, ...] or, `timeMajor`, [time, batch, ...] sequence. */
export interface Sequence {
  readonly batch: number;
  readonly time: number;
  readonly timeMajor: boolean;
}

export function sequenceOf(shape: readonly number[], timeMajor: boolean): Sequence {
  const [first, second] = shape as [number, number];
  return timeMajor
    ? { batch: second, time: first, timeMajor }
    : { batch: first, time: second, timeMajor };
}

/** A single step of a [batch, ...] input, as a sequence. */
export function oneStep(shape: readonly number[]): Sequence {
  return sequenceOf([shape[0] as number, 1], false);
}

export function allFloat(site: AnySite): boolean {
  return [...site.inputs, ...site.outputs].every(
    (operand) => operand === null || operand.type.dtype === 'float32',
  );
}

/** Elements of a tensor from one on. */
export interface Slice {
  readonly operand: Operand;
  readonly start: number;
}

/** A matrix [columns, depth] in a tensor, and what is added to its products. */
export interface Weights {
  readonly matrix: Slice;
  readonly bias: Slice | null;
}

/** The slice that is all of a tensor. */
export function whole(operand: Operand): Slice {
  return { operand, start: 0 };
}

function moved({ operand, start }: Slice): Operand {
  return { ...operand, ref: advance(operand.ref, 4 * start) };
}

/** Matrices of one layout packed one after the other as conv_f32 wants them; `key` names them. */
export function emitPacked(
  emit: Emitter,
  key: string,
  matrices: Matrices,
  all: readonly Weights[],
): BufferRef {
  const { depth, columns, columnStride } = matrices;
  const known = all.flatMap(({ matrix, bias }): readonly KnownWeights[] => {
    const values = constantElements(matrix.operand, bias?.operand ?? null);
    if (values === null) return [];
    const end = matrix.start + (columns - 1) * columnStride + depth;
    return [
      {
        weights: values.weights.subarray(matrix.start, end),
        bias: values.bias?.subarray(bias?.start, (bias?.start ?? 0) + columns) ?? null,
      },
    ];
  });
  if (known.length === all.length) {
    return packF32(emit, `${key} ${JSON.stringify(matrices)}`, known, matrices);
  }
  const size = itemSizeF32(matrices);
  const packed = emit.scratch(4 * all.length * size);
  all.forEach(({ matrix, bias }, index) => {
    emit.call('pack_f32', {
      ...packArguments(moved(matrix), bias && moved(bias), matrices),
      weights: advance(packed, 4 * index * size),
    });
  });
  return packed;
}

/** Bytes of sums that are made together: enough steps to reuse weights, few enough for a cache. */
const SUMS_BYTES = 512 * 1024;

/** Some steps of a sequence, as kernels take them. */
export interface Steps {
  readonly sums: BufferRef;
  readonly output: BufferRef;
  readonly batch: number;
  readonly time: number;
  readonly batch_step: number;
  readonly time_step: number;
}

/** The products of an input [.., depth] with gates' packed matrices. */
export interface InputProducts {
  readonly input: BufferRef;
  readonly weights: BufferRef;
  readonly gates: number;
  readonly matrices: Matrices;
}

/**
 * Emits a sequence some steps at a time: first their products with the input's weights, [time,
 * batch, gates, columns padded to panels], then what `emitSteps` emits. Elements of the output are
 * `units` numbers.
 */
export function emitSequence(
  emit: Emitter,
  { batch, time, timeMajor }: Sequence,
  { input, weights, gates, matrices }: InputProducts,
  output: { readonly ref: BufferRef; readonly units: number },
  emitSteps: (steps: Steps) => void,
): void {
  const { depth, columns } = matrices;
  const gateSize = paddedColumns(columns);
  const row = gates * gateSize;
  const atOnce = Math.min(time, Math.max(1, Math.floor(SUMS_BYTES / (4 * batch * row))));
  const sums = emit.scratch(4 * atOnce * batch * row);
  const [batchStep, timeStep] = timeMajor ? [1, batch] : [time, 1];
  for (let first = 0; first < time; first += atOnce) {
    const steps = Math.min(atOnce, time - first);
    const inputStart = first * timeStep * depth;
    const problem: Problem = {
      items: Array.from({ length: gates }, (_, gate) => ({
        input: inputStart,
        matrix: gate,
        output: gate * gateSize,
      })),
      runs: [[0, 0, 0, 1]],
      inSize: [1, 1, timeMajor ? batch : time],
      inPixel: depth,
      channels: depth,
      grid: timeMajor ? [steps, 1, 1, batch] : [batch, 1, 1, steps],
      strides: [1, 1, 1],
      outStart: 0,
      outStrides: timeMajor ? [batch * row, 0, 0, row] : [row, 0, 0, batch * row],
      matrices,
    };
    const key = `sequence ${JSON.stringify([problem.grid, gates, columns, inputStart])}`;
    const range = { low: -Infinity, high: Infinity };
    emitProductF32(emit, { input, weights, output: sums }, problem, range, key);
    emitSteps({
      sums,
      output: advance(output.ref, 4 * first * timeStep * output.units),
      batch,
      time: steps,
      batch_step: batchStep,
      time_step: timeStep,
    });
  }
}
