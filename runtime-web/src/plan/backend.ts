import type { Arithmetic } from '@linnet/runtime-wasm';
import type { OpName } from '@linnet/schema';
import type { BackendName } from '../api.js';
import type { PicturePlan, PictureSource } from '../io/picture.js';
import type { TensorInfo } from '../io/tensor.js';
import type { Lifetime } from './liveness.js';
import type { Fused, LowerSite, PlanEmitter } from './lowering.js';
import type { Divide } from './place.js';
import type { ArenaLayout, NodeLabel, Program } from './plan.js';
import type { Rewrites } from './rewrites.js';

/** What planning needs to know of whatever executes programs of calls that do `Work`. */
export interface Target<Work = unknown> {
  readonly name: BackendName;

  /** What lowerings know of what fusion has folded into a site. */
  readonly fuses: ReadonlySet<keyof Fused>;

  /** Whether an op gives its first input under another shape; see Lowering. */
  isAlias(op: OpName): boolean;

  /** Whether `lower` can take a site as it is; see Lowering. */
  supports(site: LowerSite<OpName>): boolean;

  /** Emits the calls that carry out a site. */
  lower(site: LowerSite<OpName>, emit: PlanEmitter<Work>): void;

  /** Where buffers go so that those alive at the same time do not overlap. */
  layOut(lifetimes: readonly Lifetime[]): ArenaLayout;
}

/** What may take some of a stage's steps from the host's backend. */
export interface DeviceTarget<Work = unknown> extends Target<Work> {
  readonly divide: Divide;
}

/** What runs programs. */
export interface Backend<Work = unknown> extends Target<Work> {
  /**
   * Gives a program its memory and makes its constants resident.
   *
   * @throws LinnetError of code OUT_OF_MEMORY when there is not enough
   */
  bind(program: Program<Work>): Promise<BoundProgram>;

  /** Sets all state buffers to zero. */
  resetState(): void;

  /** Bytes in use now. */
  memory(): BackendMemory;

  /** What the machine does at best; null where that cannot be measured. Takes a fraction of a second when first asked. */
  peaks(): Promise<Peaks | null>;

  /** Gives everything back; nothing may be called afterwards. */
  dispose(): void;
}

/** The backend that runs what no other does, and whose answers are there at once. */
export interface HostBackend<Work = unknown> extends Backend<Work> {
  readonly rewrites: Rewrites;
  /** Whether lowerings of an op know of outputs whose rows lie apart; see Lowering. */
  canPitch(op: OpName): boolean;
  /** The outputs of a program of one segment without inputs, for folding while planning. */
  evaluate(program: Program<Work>): readonly Uint8Array[];
}

/** A backend on hardware that may compute wrongly or go away. */
export interface DeviceBackend<Work = unknown> extends Backend<Work>, DeviceTarget<Work> {
  /** What the hardware calls itself. */
  readonly description: string;
  /** Whether products are computed in float16, less exactly than the host's. */
  readonly halves: boolean;
  /** Whether all that is bound has computed rightly on this hardware before. */
  readonly isProven: boolean;
  /** Takes down that it has. */
  prove(): void;
  /** What callers make buffers with. */
  readonly device: GPUDevice;
  /** A caller's buffer as a tensor. */
  adopt(buffer: GPUBuffer, byteLength: number): Resident;
  /** A tensor in a new buffer that the caller destroys. */
  upload(bytes: Uint8Array): DeviceTensor;
  /** A picture as a tensor, until the same input is given another. */
  readPicture(input: TensorInfo, source: PictureSource, plan: PicturePlan): Promise<Resident>;
}

/** What plans are made for. */
export interface Targets {
  readonly host: HostBackend;
  /** Where nodes run that it has kernels for; null: all run on the host's. */
  readonly device: DeviceTarget | null;
}

/** What plans are bound to. */
export interface Backends extends Targets {
  readonly device: DeviceBackend | null;
}

export interface BackendMemory {
  /** Constants and packed weights. */
  readonly constants: number;
  /** State kept between runs. */
  readonly state: number;
  /** All memory taken from the environment. */
  readonly total: number;
}

export interface Peaks {
  /** A second, of all threads together, on registers alone. */
  readonly multiplyAdds: Readonly<Record<Arithmetic, number>>;
  /** Bytes read and written a second where caches do not have them; null where that is not measured. */
  readonly bandwidth: number | null;
}

/** When a thread was at work, in milliseconds of performance.now(). */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

/** What a call computes and moves. */
export interface CallCost {
  /** Null for calls that multiply little. */
  readonly arithmetic: Arithmetic | null;
  readonly multiplyAdds: number;
  /** Bytes of the tensors that it reads and writes, each counted once. */
  readonly bytes: number;
}

/** A call of a segment that has run. */
export interface StepTimes {
  readonly kernel: string;
  readonly node: NodeLabel;
  readonly site: NodeLabel;
  readonly cost: CallCost;
  /** By thread. */
  readonly spans: readonly Span[];
}

/** The outputs of a segment, and the calls that led to them in their order. */
export interface TimedRun {
  readonly outputs: readonly Uint8Array[];
  readonly steps: readonly StepTimes[];
}

/** A tensor where a device keeps it. */
export interface Resident {
  readonly byteLength: number;
  /** A copy in the host's memory. */
  read(): Promise<Uint8Array>;
}

/** A tensor in a buffer that a caller may have. */
export interface DeviceTensor extends Resident {
  readonly buffer: GPUBuffer;
}

/** A tensor's contents: in the host's memory, or for a device's program where the device keeps them. */
export type Contents = Uint8Array | Resident;

/** A program that can be run any number of times, its segments in their order. */
export interface BoundProgram {
  /** Bytes that dispose would free. */
  readonly bytes: number;
  /**
   * Runs a segment: contents of its inputs in their order, to contents of its outputs, fresh
   * copies. The inputs are taken before this returns, and a segment may be run while outputs of
   * earlier ones are still on their way.
   *
   * @param inTurns whether the host gives the event loop its turn between calls; then nothing else may run
   * on it meanwhile
   */
  run(
    segment: number,
    inputs: readonly Contents[],
    inTurns?: boolean,
  ): Promise<readonly Uint8Array[]>;
  /** The same, but on a device the outputs stay there, each in a buffer that the caller destroys. */
  runOnDevice?(segment: number, inputs: readonly Contents[]): Promise<readonly DeviceTensor[]>;
  /** The same, with a record of when each call ran. */
  profile(segment: number, inputs: readonly Contents[]): Promise<TimedRun>;
  dispose(): void;
}
