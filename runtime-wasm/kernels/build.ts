/**
 * The builds, and where they lie: an entry of its own, as the URLs must stay in the script that pages load
 * first, beside which bundlers leave what they do not know of.
 */
/** What a build of the kernels needs from the engine. */
export interface BuildTraits {
  /** Uses relaxed SIMD. */
  readonly relaxed: boolean;
  /** Imports a shared memory and can run on several threads. */
  readonly shared: boolean;
}

/** The builds of the kernels, which differ in nothing but their traits. */
export const BUILDS = {
  simd: { relaxed: false, shared: false },
  relaxed: { relaxed: true, shared: false },
  'simd-threads': { relaxed: false, shared: true },
  'relaxed-threads': { relaxed: true, shared: true },
} as const satisfies Record<string, BuildTraits>;

export type Build = keyof typeof BUILDS;

/** Literal URLs, so that bundlers see, copy and rewrite each of them. */
const URLS: { readonly [B in Build]: () => URL } = {
  simd: () => new URL('./wasm/simd.wasm', import.meta.url),
  relaxed: () => new URL('./wasm/relaxed.wasm', import.meta.url),
  'simd-threads': () => new URL('./wasm/simd-threads.wasm', import.meta.url),
  'relaxed-threads': () => new URL('./wasm/relaxed-threads.wasm', import.meta.url),
};

/** Where a build's module lies: beside this file, or where a bundler has put it. */
export function wasmUrl(build: Build): URL {
  return URLS[build]();
}
