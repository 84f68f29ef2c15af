/** Four neighbouring invocations that share a task and put together what each has found. */
import type { Traits } from '../traits.js';
import type { Element } from './storage.js';

export interface QuadCode {
  /** What a kernel of these needs of Kernel.quads. */
  readonly quads: boolean;
  readonly declarations: string;
  /** Statements after which the variable `name` has all four values combined. */
  combine(name: string, by: (a: string, b: string) => string): string;
}

/**
 * How the invocations 4i to 4i + 3 of a workgroup of `invocations` in a line combine elements: by
 * passing them round where the device has subgroups, else through workgroup memory.
 */
export function quadCode(
  { hasSubgroups }: Traits,
  invocations: number,
  element: Element,
): QuadCode {
  if (hasSubgroups) {
    return {
      quads: true,
      declarations: '',
      combine: (name, by) =>
        ['quadSwapX', 'quadSwapY']
          .map((swap) => `${name} = ${by(name, `${swap}(${name})`)};`)
          .join(' '),
    };
  }
  const share = (at: number) => `shares[lane / 4u * 4u + ${at}u]`;
  return {
    quads: false,
    declarations: `var<workgroup> shares: array<${element}, ${invocations}>;`,
    combine: (name, by) =>
      `workgroupBarrier(); shares[lane] = ${name}; workgroupBarrier(); ${name} = ${by(by(share(0), share(1)), by(share(2), share(3)))};`,
  };
}
