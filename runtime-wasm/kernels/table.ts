import { type BlockLayout, blockLayout, type KernelDeclaration } from './kernel.js';

/**
 * The custom section of a module that tells how its kernels are called: JSON, kernels in the order of their
 * ids, names that follow each other and share a declaration together. So what runs a module takes this
 * from the module, of whatever release it is, and scripts need not repeat it.
 */
export const KERNELS_SECTION = 'linnet_kernels';

type Groups = [names: string[], declaration: KernelDeclaration][];

/** The section's text. */
export function describeKernels(kernels: Readonly<Record<string, KernelDeclaration>>): string {
  const groups: Groups = [];
  for (const [name, declaration] of Object.entries(kernels)) {
    const last = groups.at(-1);
    if (last && JSON.stringify(last[1]) === JSON.stringify(declaration)) last[0].push(name);
    else groups.push([[name], declaration]);
  }
  return JSON.stringify(groups);
}

/** How a kernel of a module is called. */
export interface KernelEntry extends BlockLayout {
  readonly id: number;
}

/** The kernels of a module by name, as its section tells. */
export function readKernels(section: ArrayBuffer): ReadonlyMap<string, KernelEntry> {
  const groups = JSON.parse(new TextDecoder().decode(section)) as Groups;
  const entries = new Map<string, KernelEntry>();
  for (const [names, declaration] of groups) {
    const layout = blockLayout(declaration);
    for (const name of names) entries.set(name, { id: entries.size, ...layout });
  }
  return entries;
}
