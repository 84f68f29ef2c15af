/** Small questions that lowerings of many families ask of a site. */
import type { OpName, TensorType } from '@linnet/schema';
import { elementBytes } from '../model/storage.js';
import type { LowerSite, Operand } from '../plan/lowering.js';
import { sameElements } from '../plan/types.js';
import { count } from './dims.js';

/** A site without its options, which is all that most helpers need. */
export type AnySite = Pick<LowerSite<OpName>, 'inputs' | 'outputs'>;

export function inputOf(site: AnySite, index: number): Operand {
  return site.inputs[index] as Operand;
}

export function outputOf(site: AnySite, index = 0): Operand {
  return site.outputs[index] as Operand;
}

/** The elements of an input that is known at plan time, as numbers. */
export function integersOf(site: AnySite, index: number): readonly number[] {
  return Array.from(site.inputs[index]?.value ?? [], Number);
}

/** Whether elements of `from` may be moved to `to` as they are, by kernels that move elements. */
export function canMove(from: TensorType, to: TensorType): boolean {
  return sameElements(from, to) && [1, 2, 4, 8].includes(elementBytes(from.dtype));
}

/** Whether a kernel can read one element of an input. */
export function isOneElement(site: AnySite, index: number): boolean {
  return count(inputOf(site, index).type.shape) === 1;
}

/** Whether an operand is state: what is computed, given or constant has other readers, who must not see it updated. */
export function isState(operand: Operand): boolean {
  return operand.isVariable === true && operand.value === undefined;
}

/** Whether inputs are there and are state. */
export function haveState(site: AnySite, ...indices: readonly number[]): boolean {
  return indices.every((index) => site.inputs[index] != null && isState(inputOf(site, index)));
}
