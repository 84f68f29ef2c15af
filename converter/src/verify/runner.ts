import type { ArrayValue, SignatureInfo } from '../entry-point.js';

/** A model that is ready to run, whatever runs it. */
export interface Runner {
  /** At least one. */
  readonly signatures: readonly SignatureInfo[];
  /** What runs it, for people: `wasm (relaxed), 4 threads`. */
  readonly description: string;
  /**
   * @param signature key; may be left out when there is only one
   * @throws LinnetError INVALID_ARGUMENT when an input is missing, unknown or does not fit
   */
  run(
    inputs: Readonly<Record<string, ArrayValue>>,
    signature?: string,
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, ArrayValue>>>;
  dispose(): void;
}
