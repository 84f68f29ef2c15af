import type { OpName } from '@linnet/schema';
import type { Lowering } from './lowering.js';
import type { Program } from './plan.js';

/** What planning and running need from whatever executes programs. */
export interface Backend {
  /** How many threads run a program side by side. */
  readonly threads: number;

  /**
   * How an op becomes kernel calls. 'structural' ops never reach a backend: planning does away with
   * them, or the host carries them out.
   */
  lowering<N extends OpName>(op: N): Lowering<N> | 'structural';

  /** The contents of the outputs of a program that has no inputs, for folding while planning. */
  evaluate(program: Program): readonly Uint8Array[];

  /**
   * Gives a program its memory and makes its constants resident.
   *
   * @throws LinnetError of code OUT_OF_MEMORY when there is not enough
   */
  bind(program: Program): BoundProgram;

  /** Sets all state buffers to zero. */
  resetState(): void;

  /** Bytes in use now. */
  memory(): BackendMemory;

  /** Gives everything back; nothing may be called afterwards. */
  dispose(): void;
}

export interface BackendMemory {
  /** Constants and packed weights. */
  readonly constants: number;
  /** State kept between runs. */
  readonly state: number;
  /** All memory taken from the environment. */
  readonly total: number;
}

/** A program that can be run any number of times. */
export interface BoundProgram {
  /** Bytes that dispose would free. */
  readonly bytes: number;
  /** Contents of the inputs in their order, to contents of the outputs: fresh copies. */
  run(inputs: readonly Uint8Array[]): Promise<readonly Uint8Array[]>;
  dispose(): void;
}
