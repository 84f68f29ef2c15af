import { malformed } from './node.js';

/** `^name`, `name`, `name:index` in graphs; `name:output:index` in function bodies. */
export function parseInput(input: string): { name: string; output: string | null; index: number } {
  const [name = '', ...rest] = (input.startsWith('^') ? input.slice(1) : input).split(':');
  const index = Number(rest.at(-1) ?? 0);
  if (!Number.isSafeInteger(index) || index < 0 || rest.length > 2) {
    throw malformed(`malformed input ${input}`);
  }
  return { name, output: rest.length === 2 ? rest[0]! : null, index };
}
