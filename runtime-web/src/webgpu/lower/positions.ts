/** Tensors of integers that say where elements are. */
import type { Operand } from '../../plan/lowering.js';
import { array, type Binding } from '../wgsl/kernel.js';

const isWide = ({ type }: Operand) => type.dtype === 'int64';

/** Whether a tensor is of integers that shaders take for positions. */
export const hasPositions = ({ type }: Operand) => type.dtype === 'int32' || type.dtype === 'int64';

/** What shaders call `positions`. */
export function positionBinding(operand: Operand): Binding {
  return array(operand.ref, isWide(operand) ? 'vec2<u32>' : 'u32', 'read');
}

/** The function `position(at: u32) -> vec2<u32>`: an element in 64 bits, the low word first. */
export function positionFunction(operand: Operand): string {
  const value = isWide(operand)
    ? 'positions[at]'
    : 'vec2(positions[at], select(0u, 0xffffffffu, positions[at] > 0x7fffffffu))';
  return `fn position(at: u32) -> vec2<u32> { return ${value}; }`;
}

/** `position`, and `checked(at: u32, bound: u32) -> u32`: an element of 0 .. bound - 1; for others 0, and a fault. */
export function checkedFunction(operand: Operand): string {
  return `${positionFunction(operand)}
fn checked(at: u32, bound: u32) -> u32 {
  let found = position(at);
  if (found.y == 0u && found.x < bound) { return found.x; }
  fault(found, bound);
  return 0u;
}`;
}
