/** What users say about loading. */
import type { ExternalFiles } from '@linnet/schema';
import type { BackendName, RunOptions, Tuning, WasmUrl } from './api.js';

/** What loading is doing: reading the source, then planning, packing weights and compiling shaders. */
export interface LoadProgress {
  readonly phase: 'read' | 'plan' | 'compile';
  /** Bytes read, or shaders compiled; for `plan`, 0 when it begins and 1 when it is done. */
  readonly loaded: number;
  /** Undefined where the source does not say. */
  readonly total: number | undefined;
}

export interface LoadOptions {
  /**
   * 'wasm', the default, or 'webgpu': the GPU runs all ops that it has shaders for, and WASM the
   * others. A GPU that computes something else than WASM in a first pass is not used;
   * `model.info.fallback` says so. 'auto' takes whichever is the faster, by running the model a few
   * times on both, and remembers that in browsers; without WebGPU it is 'wasm'.
   */
  readonly backend?: 'auto' | BackendName;
  /**
   * Threads to run on, 1 by default. In browsers more than one takes a cross-origin isolated page;
   * `model.info` says how many there are and why.
   */
  readonly threads?: number;
  /**
   * Loads an instance of the model in each of so many workers, which run different inputs at the same
   * time: runs begin in the order of the calls, each on a worker that is free. They share no memory, so
   * that no page has to be cross-origin isolated, and each takes memory for all weights. For models that
   * keep no state, on WASM; what `threads` and `model.info` say of threads is about one worker.
   */
  readonly workers?: number;
  /** Ends loading early with an error of code ABORTED. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** What `tuneModel` has measured, for choosing kernels. What it does not know is ignored. */
  readonly tuning?: Tuning;
  /** Where the .wasm files lie, when it is not where the package or the bundler has put them. */
  readonly wasmUrl?: WasmUrl;
  /** The contents of files beside the model that hold weights, by the names that it gives them. */
  readonly externalFiles?: ExternalFiles;
}

export interface InspectOptions extends Pick<LoadOptions, 'signal' | 'wasmUrl' | 'externalFiles'> {
  /** What to plan for; 'wasm' by default. For 'webgpu' no GPU is needed: any has what is assumed. */
  readonly backend?: BackendName;
}

/** `tuning` is what the result is added to. */
export type TuneOptions = RunOptions &
  Pick<LoadOptions, 'threads' | 'tuning' | 'wasmUrl' | 'externalFiles'> & {
    /** What runs the model; 'wasm' by default. */
    readonly backend?: BackendName;
  };
