/** Ops that choose elements by a condition or make tensors from a few values. */
import {
  broadcastShapes,
  dtypeCode,
  normalizeAxis,
  type OpName,
  type TypedArray,
} from '@linnet/schema';
import { broadcast, count, rowMajor } from '../../lower/dims.js';
import {
  type AnySite,
  canMove,
  inputOf,
  integersOf,
  isOneElement,
  outputOf,
} from '../../lower/operands.js';
import { elementBytes, elementsOf, storageBytes } from '../../model/storage.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitCopy, field } from './dims.js';
import { elementConstant, emitFill, indices } from './operands.js';

/** Emits the select kernel for a condition of the given shape. */
function emitSelect(emit: Emitter, site: AnySite, conditionShape: readonly number[]): void {
  const [condition, a, b, y] = [
    inputOf(site, 0),
    inputOf(site, 1),
    inputOf(site, 2),
    outputOf(site),
  ];
  const { dims, strides } = broadcast(y.type.shape, [conditionShape, a.type.shape, b.type.shape]);
  const [first, second, third] = strides.map(field) as [number[], number[], number[]];
  emit.call('select', {
    condition: condition.ref,
    a: a.ref,
    b: b.ref,
    y: y.ref,
    size: elementBytes(y.type.dtype),
    rank: dims.length,
    dims: field(dims),
    condition_strides: first,
    a_strides: second,
    b_strides: third,
  });
}

function canSelect(site: AnySite): boolean {
  return [1, 2].every((index) => canMove(inputOf(site, index).type, outputOf(site).type));
}

/** A condition that is a vector chooses whole slices of the first dimension. */
const select: Lowering<'SELECT'> = {
  supports: canSelect,
  lower(site, emit) {
    const { shape } = inputOf(site, 0).type;
    const rank = outputOf(site).type.shape.length;
    const isVector = shape.length === 1 && rank > 1;
    emitSelect(emit, site, isVector ? [...shape, ...new Array<number>(rank - 1).fill(1)] : shape);
  },
};

const selectV2: Lowering<'SELECT_V2'> = {
  supports: canSelect,
  lower: (site, emit) => emitSelect(emit, site, inputOf(site, 0).type.shape),
};

const fill: Lowering<'FILL'> = {
  supports: (site) => canMove(inputOf(site, 1).type, outputOf(site).type),
  lower: (site, emit) => emitFill(emit, outputOf(site), inputOf(site, 1).ref),
};

const zerosLike: Lowering<'ZEROS_LIKE'> = {
  supports: (site) => canMove(outputOf(site).type, outputOf(site).type),
  lower: (site, emit) => emitFill(emit, outputOf(site), elementConstant(emit, outputOf(site).type)),
};

const oneHot: Lowering<'ONE_HOT'> = {
  supports: (site) =>
    [2, 3].every(
      (index) =>
        isOneElement(site, index) && canMove(inputOf(site, index).type, outputOf(site).type),
    ),
  lower(site, emit) {
    const { shape } = inputOf(site, 0).type;
    const y = outputOf(site);
    const axis = normalizeAxis(site.options.axis, y.type.shape.length);
    const { ref, wide } = indices(emit, inputOf(site, 0));
    emit.call('one_hot', {
      indices: ref,
      on: inputOf(site, 2).ref,
      off: inputOf(site, 3).ref,
      y: y.ref,
      size: elementBytes(y.type.dtype),
      outer: count(shape.slice(0, axis)),
      depth: y.type.shape[axis] as number,
      inner: count(shape.slice(axis)),
      wide,
    });
  },
};

const reverseSequence: Lowering<'REVERSE_SEQUENCE'> = {
  supports: (site) => canMove(inputOf(site, 0).type, outputOf(site).type),
  lower(site, emit) {
    const [x, y] = [inputOf(site, 0), outputOf(site)];
    const { shape } = x.type;
    const batch = normalizeAxis(site.options.batchDim, shape.length);
    const sequence = normalizeAxis(site.options.seqDim, shape.length);
    const [first, second] = [Math.min(batch, sequence), Math.max(batch, sequence)];
    const { ref, wide } = indices(emit, inputOf(site, 1));
    emit.call('reverse_sequence', {
      x: x.ref,
      lengths: ref,
      y: y.ref,
      size: elementBytes(y.type.dtype),
      outer: count(shape.slice(0, first)),
      first: shape[first] as number,
      middle: count(shape.slice(first + 1, second)),
      second: shape[second] as number,
      inner: count(shape.slice(second + 1)),
      batch_first: batch < sequence ? 1 : 0,
      wide,
    });
  },
};

/** Emits an output whose elements planning can tell. */
function emitValues(
  emit: Emitter,
  y: Operand,
  key: string,
  values: () => Iterable<number | bigint>,
) {
  if (storageBytes(y.type) === 0) return;
  const make = (): TypedArray => {
    const elements = elementsOf(y.type.dtype, new Uint8Array(storageBytes(y.type)));
    const convert = typeof elements[0] === 'bigint' ? BigInt : Number;
    let at = 0;
    for (const value of values()) elements[at++] = convert(value) as never;
    return elements;
  };
  const view = { ref: emit.constant(key, make), strides: rowMajor(y.type.shape) };
  emitCopy(emit, elementBytes(y.type.dtype), y.type.shape, view, { ...view, ref: y.ref });
}

/** Ops whose outputs follow from input values that planning knows: those of all inputs. */
function planned<N extends OpName>(
  outputs: (site: LowerSite<N>) => readonly (() => Iterable<number | bigint>)[],
): Lowering<N> {
  return {
    supports: (site) => site.inputs.every((input) => input?.value !== undefined),
    lower(site, emit) {
      const values = site.inputs.map((input) => String(input?.value)).join('|');
      outputs(site).forEach((elements, index) => {
        emitValues(emit, outputOf(site, index), `output ${index} of ${values}`, elements);
      });
    },
  };
}

const range = planned<'RANGE'>((site) => {
  const [start, , delta] = site.inputs.map((input) => input?.value?.[0]);
  const size = count(outputOf(site).type.shape);
  const isBig = typeof start === 'bigint';
  return [
    () =>
      Array.from({ length: size }, (_, i) =>
        isBig ? start + BigInt(i) * (delta as bigint) : Number(start) + i * Number(delta),
      ),
  ];
});

const broadcastArgs = planned<'BROADCAST_ARGS'>((site) => [
  () => broadcastShapes(integersOf(site, 0), integersOf(site, 1)),
]);

/** Row-major positions of the elements of a known tensor that are not zero. */
function nonZero(operand: Operand): number[] {
  const positions: number[] = [];
  operand.value?.forEach((value: number | bigint, index: number) => {
    if (Number(value) !== 0) positions.push(index);
  });
  return positions;
}

const where = planned<'WHERE'>((site) => {
  const condition = inputOf(site, 0);
  const { shape } = condition.type;
  const strides = rowMajor(shape);
  const coordinates = (position: number) =>
    strides.map((stride, axis) => Math.floor(position / stride) % (shape[axis] as number));
  return [() => nonZero(condition).flatMap(coordinates)];
});

const unique = planned<'UNIQUE'>((site) => {
  const numbers = new Map<number | bigint, number>();
  const positions = Array.from(inputOf(site, 0).value ?? [], (value: number | bigint) => {
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    return number;
  });
  return [() => numbers.keys(), () => positions];
});

const shapeOf = (site: AnySite) => inputOf(site, 0).type.shape;

/** Ops whose output follows from the input's type. */
function ofShape<N extends OpName>(
  values: (shape: readonly number[]) => readonly number[],
): Lowering<N> {
  return {
    supports: () => true,
    lower(site, emit) {
      const { dtype } = outputOf(site).type;
      const key = `${dtypeCode(dtype)} of ${shapeOf(site)}`;
      emitValues(emit, outputOf(site), key, () => values(shapeOf(site)));
    },
  };
}

export const SELECTION_LOWERINGS = {
  SELECT: select,
  SELECT_V2: selectV2,
  FILL: fill,
  ZEROS_LIKE: zerosLike,
  ONE_HOT: oneHot,
  REVERSE_SEQUENCE: reverseSequence,
  RANGE: range,
  BROADCAST_ARGS: broadcastArgs,
  WHERE: where,
  UNIQUE: unique,
  SHAPE: ofShape<'SHAPE'>((shape) => shape),
  RANK: ofShape<'RANK'>((shape) => [shape.length]),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
