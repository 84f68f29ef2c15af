import { BUILDS, type Build } from '@linnet/runtime-wasm/build';
import { LinnetError, nodeModule } from '../base.js';

/** A module of one function `(param v128) (result v128)` that applies some instruction. */
function probe(...body: number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 0x0b];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 6, 1, 0x60, 1, 0x7b, 1, 0x7b],
    ...[3, 2, 1, 0],
    ...[10, code.length + 2, 1, code.length, ...code],
  ]);
}

const LOCAL = [0x20, 0];

/** i8x16.popcnt, one of the last instructions to join simd128. */
const SIMD = probe(...LOCAL, 0xfd, 0x62);

/** f32x4.relaxed_madd. */
const RELAXED = probe(...LOCAL, ...LOCAL, ...LOCAL, 0xfd, 0x85, 0x02);

/** A choice of build, and how many threads it will run on. */
export interface Selection {
  readonly build: Build;
  readonly threads: number;
  /** Why there are that many threads. */
  readonly threadsReason: string;
}

/** More threads than this gain nothing from memory that all of them share. */
const MAX_THREADS = 16;

/**
 * The best build for this engine and the threads asked for.
 *
 * @throws LinnetError of code ENVIRONMENT without WebAssembly SIMD, INVALID_ARGUMENT for a number
 * of threads that is none
 */
export function selectBuild(requested: number | undefined): Selection {
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(SIMD)) {
    throw new LinnetError('ENVIRONMENT', 'This engine has no WebAssembly SIMD.', {}, [
      'Use Chrome 91, Firefox 89, Safari 16.4, Node 16.4 or later.',
    ]);
  }
  const relaxed = WebAssembly.validate(RELAXED);
  const choice = chooseThreads(requested);
  const shared = choice.threads > 1;
  const build = (Object.keys(BUILDS) as Build[]).find(
    (name) => BUILDS[name].relaxed === relaxed && BUILDS[name].shared === shared,
  ) as Build;
  return { build, ...choice };
}

function chooseThreads(requested: number | undefined): Omit<Selection, 'build'> {
  if (requested === undefined) return { threads: 1, threadsReason: 'the default' };
  if (!Number.isInteger(requested) || requested < 1 || requested > MAX_THREADS) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `The number of threads is ${requested}; expected an integer from 1 to ${MAX_THREADS}.`,
    );
  }
  if (requested === 1) return { threads: 1, threadsReason: 'as asked for' };
  const isNode = nodeModule('node:worker_threads') !== undefined;
  if (!isNode && !globalThis.crossOriginIsolated) {
    const threadsReason =
      'the page is not cross-origin isolated: serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';
    return { threads: 1, threadsReason };
  }
  const cores = nodeModule('node:os')?.availableParallelism() ?? navigator.hardwareConcurrency;
  if (cores < requested) return { threads: cores, threadsReason: `the machine has ${cores} cores` };
  return { threads: requested, threadsReason: 'as asked for' };
}
