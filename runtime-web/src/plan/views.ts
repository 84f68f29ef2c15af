/**
 * Tensors that lie within others, so that nothing is moved: what CONCATENATION or PACK joins is made
 * where it belongs, what SPLIT or UNPACK takes apart is read where it is.
 *
 * The nodes remain; their lowerings copy only what is not yet in its place. A buffer is in use for as
 * long as any part of it, because calls name buffers and not parts.
 */
import { normalizeAxis } from '@linnet/schema';
import { elementBytes } from '../model/storage.js';
import type { Step, TensorTable, Uses } from './step.js';
import { sameElements } from './types.js';

/** Where a tensor lies in another. */
export interface Home {
  readonly tensor: number;
  /** Bytes from the other's start. */
  readonly offset: number;
}

export interface Views {
  readonly steps: readonly Step[];
  readonly homes: ReadonlyMap<number, Home>;
}

/** What planning knows of what will run the steps. */
export interface Placing {
  /** Whether the output of a step may have its rows, the last dimension, apart. */
  canPitch(step: Step): boolean;
  /** Whether a step only gives its input another shape. */
  isAlias(step: Step): boolean;
  /** Whether something outside the stage reads a tensor. */
  isWanted(tensor: number): boolean;
}

/** A whole, and the parts of it that follow each other along an axis. */
interface Division {
  readonly whole: number;
  readonly parts: readonly number[];
  readonly axis: number;
  /** Whether parts become a whole. */
  readonly joins: boolean;
}

/** How a step puts together or takes apart; null for others. */
function divisionOf({ node }: Step, tensors: TensorTable): Division | null {
  const { op, inputs, outputs } = node;
  const [output] = outputs as readonly [number];
  const rank = (tensor: number) => tensors.type(tensor).shape.length;
  const split = (data: number, axis: number): Division | null => {
    const [whole, at] = [inputs[data] as number, tensors.known(inputs[axis] as number)];
    if (at === undefined) return null;
    const split = normalizeAxis(Number(at.elements[0]), rank(whole));
    return { whole, parts: outputs, axis: split, joins: false };
  };
  switch (op) {
    case 'CONCATENATION':
    case 'PACK': {
      const axis = normalizeAxis(node.options.axis, rank(output));
      return { whole: output, parts: inputs, axis, joins: true };
    }
    case 'UNPACK': {
      const [whole] = inputs as readonly [number];
      const axis = normalizeAxis(node.options.axis, rank(whole));
      return { whole, parts: outputs, axis, joins: false };
    }
    case 'SPLIT':
      return split(1, 0);
    case 'SPLIT_V':
      return split(0, 2);
    default:
      return null;
  }
}

const count = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);

/** The steps, with what their outputs' rows lie apart, and which tensors lie in which. */
export function findViews(
  steps: readonly Step[],
  tensors: TensorTable,
  uses: Uses,
  placing: Placing,
): Views {
  const homes = new Map<number, Home>();
  const producers = new Map<number, Step>();
  for (const step of steps) for (const tensor of step.node.outputs) producers.set(tensor, step);
  const pitches = new Map<Step, number>();

  /** The step that makes a tensor, and the tensor that it makes where only the shape is another. */
  const makerOf = (tensor: number): readonly [Step, number] | null => {
    const step = producers.get(tensor);
    if (step === undefined) return null;
    return placing.isAlias(step) ? makerOf(step.node.inputs[0] as number) : [step, tensor];
  };
  const isFree = (tensor: number) =>
    !homes.has(tensor) &&
    !placing.isWanted(tensor) &&
    !tensors.isVariable(tensor) &&
    tensors.known(tensor) === undefined;

  /** Gives a part its place in what it is joined to, if what makes it can put it there. */
  const join = (part: number, whole: number, offset: number, pitch: number | null) => {
    const [maker, made] = makerOf(part) ?? [];
    if (maker === undefined || made === undefined || !isFree(part) || !isFree(made)) return;
    if (pitch !== null) {
      if (made !== part || uses.count(part) !== 1 || !placing.canPitch(maker)) return;
      pitches.set(maker, pitch);
    }
    homes.set(made, { tensor: whole, offset });
  };

  for (const step of steps) {
    const division = divisionOf(step, tensors);
    if (division === null || tensors.isVariable(division.whole)) continue;
    const { whole, parts, axis, joins } = division;
    const type = tensors.type(whole);
    const bytes = elementBytes(type.dtype);
    const isWhole = count(type.shape.slice(0, axis)) === 1;
    const pitch = isWhole ? null : (type.shape.at(-1) as number);
    const canBePitched = axis === type.shape.length - 1 && step.node.op === 'CONCATENATION';
    let offset = 0;
    for (const part of parts) {
      const isSame = sameElements(tensors.type(part), type);
      const isOnce = parts.indexOf(part) === parts.lastIndexOf(part);
      if (isSame && isOnce && bytes > 0) {
        if (joins && (isWhole || canBePitched)) join(part, whole, offset, pitch);
        const isReadable = !joins && isWhole && tensors.known(whole) === undefined;
        if (isReadable && isFree(part)) homes.set(part, { tensor: whole, offset });
      }
      const size = count(tensors.type(part).shape);
      offset += bytes * (isWhole ? size : (tensors.type(part).shape.at(-1) as number));
    }
  }
  const placed = steps.map((step): Step => {
    const pitch = pitches.get(step);
    return pitch === undefined ? step : { ...step, fused: { ...step.fused, pitch } };
  });
  return { steps: placed, homes };
}
