/** Node's own modules where there is a Node, without an import that bundlers would follow. */

interface NodeModules {
  readonly 'node:fs/promises': typeof import('node:fs/promises');
  readonly 'node:fs': typeof import('node:fs');
  readonly 'node:worker_threads': typeof import('node:worker_threads');
  readonly 'node:os': typeof import('node:os');
  readonly 'node:path': typeof import('node:path');
}

interface MaybeNode {
  readonly process?: { getBuiltinModule?(name: string): unknown };
}

/** A module of Node; undefined in browsers. */
export function nodeModule<N extends keyof NodeModules>(name: N): NodeModules[N] | undefined {
  const { process } = globalThis as MaybeNode;
  return process?.getBuiltinModule?.(name) as NodeModules[N] | undefined;
}

export function isNode(): boolean {
  return nodeModule('node:fs') !== undefined;
}
