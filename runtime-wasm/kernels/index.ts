import type { KernelArguments, KernelDeclaration } from './kernel.js';

export * from './build.js';
export * from './kernel.js';

/** Every kernel, in the order of their ids. A new family is one file beside this one and one line here. */
export const KERNELS = {} as const satisfies Record<string, KernelDeclaration>;

export type KernelName = keyof typeof KERNELS;
export type KernelCallArguments<K extends KernelName, Pointer> = KernelArguments<
  (typeof KERNELS)[K],
  Pointer
>;
