import { UNKNOWN_DIM } from '@linnet/schema';

/** `[1,?,3]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.map((dim) => (dim === UNKNOWN_DIM ? '?' : dim)).join(',')}]`;
}
