/** What a model's instances in workers are asked and answer. */
import type { ErrorCode, ErrorLocation } from '@linnet/schema';
import type { ModelInfo, ModelInputs, ModelOutputs, Profile, SignatureInfo } from '../api.js';
import { LinnetError } from '../base.js';
import type { LoadOptions } from '../load-options.js';

/** The first message: what to load, and the kernels for it, which are compiled once for all. */
export interface LoadRequest {
  readonly bytes: Uint8Array;
  readonly module: WebAssembly.Module;
  readonly options: Pick<LoadOptions, 'threads' | 'tuning' | 'externalFiles'>;
}

/** What an instance is asked to do; one thing at a time. */
export interface RunRequest {
  readonly inputs: ModelInputs;
  readonly signature: string | undefined;
  /** Whether it is to be profiled by so many runs instead, or by as many as usual. */
  readonly profile?: { readonly runs: number | undefined };
}

/** The way to end what is being done early. */
export const ABORT = 'abort';

export interface Loaded {
  readonly signatures: readonly SignatureInfo[];
  readonly info: ModelInfo;
}

export interface Done {
  readonly outputs?: ModelOutputs;
  readonly profile?: Profile;
  /** Where it is not what it was. */
  readonly info?: ModelInfo;
}

export type Answer =
  | { readonly loaded: Loaded }
  | { readonly done: Done }
  | { readonly failed: Failure };

/** An error on its way between threads, where classes are lost. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly where: ErrorLocation;
  readonly notes: readonly string[];
}

export function toFailure(error: unknown): Failure {
  if (error instanceof LinnetError) {
    const { code, message, where, notes } = error;
    return { code, message, where, notes };
  }
  return { code: 'INTERNAL', message: String(error), where: {}, notes: [] };
}

export function toError({ code, message, where, notes }: Failure): LinnetError {
  return new LinnetError(code, message, where, notes);
}
