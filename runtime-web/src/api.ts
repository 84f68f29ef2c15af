/// <reference lib="esnext.disposable" preserve="true" />
/** What users of the runtime see: types alone, so that they mention nothing of the inside. */
import type { Arithmetic, Build } from '@linnet/runtime-wasm';
import type { OpName } from '@linnet/schema';
import type { GpuDevice } from './io/platform.js';
import type { DeviceOutput, TensorInfo, TensorInput, TensorOutput } from './io/tensor.js';

/** Where the module of a build lies, instead of where the package has it. */
export type WasmUrl = (build: Build) => string | URL;

/** Inputs of a run, by name or in the order of the signature's inputs. */
export type ModelInputs = Readonly<Record<string, TensorInput>> | readonly TensorInput[];

/** Outputs of a run by name, in the order of the signature's outputs. */
export type ModelOutputs = Record<string, TensorOutput>;

/** Outputs of a run on the GPU by name. */
export type DeviceOutputs = Record<string, DeviceOutput>;

/** A named entry point of a model. */
export interface SignatureInfo {
  /** Empty when the file does not name its entry point. */
  readonly key: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

export interface RunOptions {
  /** The entry point; the model's first by default. */
  readonly signature?: string;
  /** Ends the run early with an error of code ABORTED; stages of a program are not interrupted. */
  readonly signal?: AbortSignal;
}

/** What executes ops. */
export type BackendName = 'wasm' | 'webgpu';

/** Sizes in bytes. */
export interface MemoryInfo {
  /** Constants and packed weights in the form that kernels read. */
  readonly constants: number;
  /** Working memory of all stages planned so far. */
  readonly arena: number;
  /** What the working memory of those stages cannot be smaller than. */
  readonly arenaLowerBound: number;
  /** State kept between runs. */
  readonly state: number;
  /** All memory taken from the environment. */
  readonly total: number;
}

export interface ModelInfo {
  /** What runs the model; with 'webgpu', WASM runs the ops that the GPU has no shaders for. */
  readonly backend: BackendName;
  /** Why it is that one. */
  readonly backendReason: string;
  /** Why it is not the one that was asked for; null where it is. */
  readonly fallback: string | null;
  /** What the GPU calls itself; null without one. */
  readonly device: string | null;
  /** Which build of the WASM kernels runs. */
  readonly build: Build;
  readonly threads: number;
  /** Why there are that many. */
  readonly threadsReason: string;
  /** Instances in workers of their own, among which runs are divided; 0: there are none. */
  readonly workers: number;
  readonly memory: MemoryInfo;
  /** Between the GPU and the host: inputs and outputs, and what nodes that run elsewhere need. */
  readonly handovers: Handovers;
  /** How the ops planned so far are carried out. */
  readonly ops: readonly OpSupport[];
  /** Where there was more than one way to carry out the nodes planned so far, and which was taken. */
  readonly choices: readonly Choice[];
}

/**
 * Which candidates of choices were the fastest when they were measured, by environment (build of the
 * kernels, number of threads, machine), by what nodes have in common, and by decision. Plain JSON, for
 * the caller to keep. Where it knows nothing of a choice, the cost model decides; no tuning can make an
 * answer wrong, though candidates differ in rounding.
 */
export interface Tuning {
  /** The version of the format. */
  readonly linnetTuning: number;
  readonly environments: Readonly<
    Record<string, Readonly<Record<string, Readonly<Record<string, TunedChoice>>>>>
  >;
}

export interface TunedChoice {
  readonly take: string;
  /** Medians by candidate, of a run's calls for all nodes that share the choice. */
  readonly milliseconds: Readonly<Record<string, number>>;
}

/** One of several ways to carry out a node, whose results differ in rounding at most. */
export interface Choice {
  readonly node: string;
  readonly op: OpName;
  /** What was decided. */
  readonly decision: string;
  readonly candidates: readonly string[];
  readonly taken: string;
  /** What decided: an estimate of costs, or a tuning. */
  readonly by: 'cost model' | 'tuning';
  /** What a tuning knows all such nodes by. */
  readonly signature: string;
}

/** A loaded model. Get one from {@link loadModel}; `dispose` it when it is no longer needed. */
export interface Model {
  /** The model's entry points; there is at least one. */
  readonly signatures: readonly SignatureInfo[];

  /** Inputs of the first signature. */
  readonly inputs: readonly TensorInfo[];

  /** Outputs of the first signature. */
  readonly outputs: readonly TensorInfo[];

  /**
   * What runs the model, and what it takes.
   *
   * @throws LinnetError of code DISPOSED
   */
  readonly info: ModelInfo;

  /**
   * Runs the model. Runs of one model begin in the order of the calls, the next on a GPU before
   * the outputs of the last have arrived. Inputs must not
   * change until the run is done; outputs are the caller's own.
   *
   * @throws LinnetError of code INVALID_ARGUMENT for inputs that do not fit or lead to values that an
   * op cannot work with (an index outside its dimension, an integer divided by zero), ABORTED,
   * DISPOSED, OUT_OF_MEMORY, or INVALID_MODEL and UNSUPPORTED where only the inputs' shapes show it
   */
  run(inputs: ModelInputs, options?: RunOptions): Promise<ModelOutputs>;

  /** The device that the model runs on, for buffers and textures as inputs; null on WASM. */
  readonly device: GpuDevice | null;

  /**
   * Like `run`, but outputs stay on the GPU, in buffers of `device` that the caller disposes of.
   *
   * @throws LinnetError as `run`, or of code INVALID_ARGUMENT where the model does not run on WebGPU
   */
  runOnDevice(inputs: ModelInputs, options?: RunOptions): Promise<DeviceOutputs>;

  /**
   * Runs the model again and again and tells where the time goes. Results are thrown away, but state
   * is kept as with `run`. Runs that were asked for before come first, later ones have to wait.
   *
   * @throws LinnetError as `run`, or of code INVALID_ARGUMENT for a number of runs that is none
   */
  profile(inputs: ModelInputs, options?: ProfileOptions): Promise<Profile>;

  /** Forgets the state kept between runs: variables are zero again, initializers run again. */
  resetVariables(): void;

  /** Frees the memory and ends the threads. Runs that wait or are under way fail as DISPOSED. */
  dispose(): void;

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void;
}

export interface ProfileOptions extends RunOptions {
  /** Timed runs, half of them with a record of the steps; 20 by default, at least 2. */
  readonly runs?: number;
}

/** Milliseconds of whole runs. */
export interface Latency {
  readonly median: number;
  readonly minimum: number;
  readonly mean: number;
  readonly maximum: number;
}

/** What some part of a run does and takes. */
export interface Cost {
  /** Mean of the faster half of the recorded runs, which other programs have disturbed least. */
  readonly milliseconds: number;
  /** Of all multiplications and additions, in pairs; those with padding count like others. */
  readonly multiplyAdds: number;
  /** Of the tensors read and written, each counted once for a kernel call. */
  readonly bytes: number;
  /** 10^9 multiplications and additions a second, a pair counting as two. */
  readonly gigaflops: number;
  /**
   * The share of the machine's peak in this arithmetic: 1 is all that the threads can do on
   * registers alone. Null where the peak is not known or nothing is multiplied.
   */
  readonly ofPeak: number | null;
  /**
   * The share of a GPU's measured bandwidth: 1 is as fast as it copies what no cache has, and more is possible
   * where caches help. Null where the bandwidth is not known.
   */
  readonly ofBandwidth: number | null;
}

/** A kernel call. */
export interface StepProfile extends Cost {
  readonly subgraph: string;
  readonly node: string;
  readonly op: OpName;
  readonly kernel: string;
  /** Null for a kernel that multiplies little. */
  readonly arithmetic: Arithmetic | null;
  /** How often a run gets here; in loops more than once. */
  readonly calls: number;
  /**
   * The part of the threads' time that they were at work, the rest being waits for one another.
   */
  readonly busy: number;
}

/** All steps that carry out an op. */
export interface OpProfile extends Cost {
  readonly op: OpName;
  /** Kernel calls of a run. */
  readonly calls: number;
}

/** A step's place in time, for drawing. */
export interface StepSpan {
  /** Index in `steps`. */
  readonly step: number;
  readonly thread: number;
  /** Milliseconds since the first span of the profile. */
  readonly begin: number;
  readonly end: number;
}

/** Where the time of a model's runs goes. */
export interface Profile {
  readonly info: ModelInfo;
  /** Of runs that nothing records. */
  readonly latency: Latency;
  /** 10^9 operations a second that the threads reach on registers alone; null where not known. */
  readonly peakGigaflops: Readonly<Record<Arithmetic, number>> | null;
  /** 10^9 bytes read and written a second by a GPU that copies a large buffer; null on WASM, where caches count. */
  readonly peakGigabytes: number | null;
  /** One run, whole: `steps` and `outside` add up to it. */
  readonly total: Cost;
  /**
   * Milliseconds outside all steps: inputs and outputs copied, control flow, plans made. It is what
   * runs without a record take longer than the steps.
   */
  readonly outside: number;
  /**
   * Milliseconds of a recorded run in which no step was at work though more were to come: on a GPU, gaps between dispatches,
   * each of which has a pass of its own while it is recorded. They are parts of the steps before them.
   */
  readonly gaps: number;
  /** In the order in which they first ran. */
  readonly steps: readonly StepProfile[];
  /** The slowest first. */
  readonly ops: readonly OpProfile[];
  /** Of all recorded runs, in the order of their steps. */
  readonly spans: readonly StepSpan[];
}

/** How many nodes of an op are carried out in which way. */
export interface OpSupport {
  readonly op: OpName;
  /** By kernels for its own element types, or without any kernel. */
  readonly native: number;
  /** By float32 kernels between conversions. */
  readonly viaFloat32: number;
  /** Not at all: the model cannot run. */
  readonly unsupported: number;
  /** How many of them run on the GPU; 0 without one. */
  readonly onGpu: number;
  /** Why others do not, where there is one. */
  readonly whyNotOnGpu: readonly string[];
}

/** What passes between the GPU and the host in a run. */
export interface Handovers {
  readonly tensors: number;
  readonly bytes: number;
}

/** What planning finds about one graph of a model. */
export interface GraphReport {
  readonly name: string;
  /** The shapes of the inputs that it was planned for. */
  readonly inputShapes: readonly (readonly number[])[];
  /** Parts that are planned one by one: control flow and sizes known only at run time divide them. */
  readonly stages: number;
  /** Bytes of working memory of all stages. */
  readonly arena: number;
  readonly arenaLowerBound: number;
  readonly handovers: Handovers;
  readonly ops: readonly OpSupport[];
  /** Nodes whose plan depends on values that only a run gives. */
  readonly plannedAtRunTime: readonly string[];
  /** Why planning stopped: with its open dimensions counted as 1, the graph does not fit together. */
  readonly problem?: string;
}

export interface PlanReport {
  readonly graphs: readonly GraphReport[];
  /** Bytes of the model's constants as the runtime reads them. */
  readonly constants: number;
}
