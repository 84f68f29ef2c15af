import type { Build } from '@linnet/runtime-wasm';
import { LinnetError, type TensorType } from '@linnet/schema';
import { decodeOutput, encodeInput, type TensorInfo, type TensorInput, type TensorOutput } from '../io/tensor.js';
import type { ExecutableModel, Graph } from '../model/graph.js';
import type { Resources } from '../model/resources.js';
import type { WasmBackend } from '../wasm/backend.js';
import { type Entry, pickInputs, toEntry } from './entry.js';
import type { Executor, HostValue } from './executor.js';
import type { Guard } from './guard.js';
import { countSupport, type OpSupport } from './report.js';
import type { StageCache } from './stage-cache.js';

/** Inputs of a run, by name or in the order of the signature's inputs. */
export type ModelInputs = Readonly<Record<string, TensorInput>> | readonly TensorInput[];

/** Outputs of a run by name, in the order of the signature's outputs. */
export type ModelOutputs = Record<string, TensorOutput>;

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
  readonly backend: 'wasm';
  /** Which build of the kernels runs. */
  readonly build: Build;
  readonly threads: number;
  /** Why there are that many. */
  readonly threadsReason: string;
  readonly memory: MemoryInfo;
  /** How the ops planned so far are carried out. */
  readonly ops: readonly OpSupport[];
}

/** What a model is made of; see loadModel. */
export interface ModelParts {
  readonly executable: ExecutableModel;
  readonly resources: Resources;
  readonly stages: StageCache;
  readonly executor: Executor;
  readonly backend: WasmBackend;
  readonly guard: Guard;
}

/** A loaded model. Get one from {@link loadModel}; `dispose` it when it is no longer needed. */
export class Model {
  readonly #guard: Guard;
  /** Let go of by dispose, so that the memory can be collected. */
  #parts: ModelParts | null;
  readonly #entries: readonly Entry[];
  /** Strings that belong to the model rather than to a run. */
  readonly #ownStrings: number;
  #queue: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.#guard = parts.guard;
    const { signatures, graphs, strings } = parts.executable;
    this.#entries = signatures.map((signature) => toEntry(signature, graphs));
    this.#ownStrings = strings.size;
  }

  /** The model's entry points; there is at least one. */
  get signatures(): readonly SignatureInfo[] {
    return this.#entries;
  }

  /** Inputs of the first signature. */
  get inputs(): readonly TensorInfo[] {
    return this.#entry(undefined).inputs;
  }

  /** Outputs of the first signature. */
  get outputs(): readonly TensorInfo[] {
    return this.#entry(undefined).outputs;
  }

  /**
   * What runs the model, and what it takes.
   *
   * @throws LinnetError of code DISPOSED
   */
  get info(): ModelInfo {
    const { backend, stages } = this.#live();
    const { constants, state, total } = backend.memory();
    const arenas = stages.stages.map(({ stage }) => stage.arena);
    return {
      backend: 'wasm',
      build: backend.build,
      threads: backend.threads,
      threadsReason: backend.threadsReason,
      memory: {
        constants,
        arena: arenas.reduce((sum, { bytes }) => sum + bytes, 0),
        arenaLowerBound: arenas.reduce((sum, { lowerBound }) => sum + lowerBound, 0),
        state,
        total,
      },
      ops: countSupport(stages.stages.flatMap(({ stage }) => stage.nodes)),
    };
  }

  /**
   * Runs the model. Runs of one model follow one another in the order of the calls. Inputs must not
   * change until the run is done; outputs are the caller's own.
   *
   * @throws LinnetError of code INVALID_ARGUMENT for inputs that do not fit, ABORTED, DISPOSED,
   * OUT_OF_MEMORY, or INVALID_MODEL and UNSUPPORTED where only the inputs' shapes show it
   */
  run(inputs: ModelInputs, options: RunOptions = {}): Promise<ModelOutputs> {
    const result = this.#queue.then(() => this.#run(inputs, options));
    this.#queue = result.catch(() => {});
    return result;
  }

  /** Forgets the state kept between runs: variables are zero again, initializers run again. */
  resetVariables(): void {
    const { resources, backend } = this.#live();
    resources.reset();
    backend.resetState();
  }

  /** Frees the memory and ends the threads. Runs that wait or are under way fail as DISPOSED. */
  dispose(): void {
    this.#guard.dispose();
    this.#parts?.backend.dispose();
    this.#parts = null;
  }

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  async #run(inputs: ModelInputs, { signature, signal }: RunOptions): Promise<ModelOutputs> {
    this.#guard.check(signal);
    const entry = this.#entry(signature);
    const { executable, executor, resources } = this.#live();
    const { strings } = executable;
    const graph = executable.graphs[entry.subgraph] as Graph;
    const given = pickInputs(entry, inputs);
    const values = graph.inputs.map((tensor) => {
      const position = entry.inputTensors.indexOf(tensor);
      const input = entry.inputs[position] as TensorInfo;
      const { shape, bytes } = encodeInput(input, given[position] as TensorInput, strings);
      return { type: { ...(graph.tensors[tensor]?.type as TensorType), shape }, bytes };
    });
    const results = await executor.run(entry.subgraph, values, signal);
    this.#guard.check(signal);
    const outputs = entry.outputs.map(({ name }, i): [string, TensorOutput] => {
      const tensor = entry.outputTensors[i] as number;
      const { type, bytes, isOwned } = results[graph.outputs.indexOf(tensor)] as HostValue;
      const isFirst = entry.outputTensors.indexOf(tensor) === i;
      const data = decodeOutput(type, isOwned && isFirst ? bytes : bytes.slice(), strings);
      return [name, { name, dtype: type.dtype, shape: type.shape, data }];
    });
    if (!resources.holdsStrings) strings.truncate(this.#ownStrings);
    return Object.fromEntries(outputs);
  }

  /** @throws LinnetError of code DISPOSED */
  #live(): ModelParts {
    this.#guard.check();
    return this.#parts as ModelParts;
  }

  #entry(key: string | undefined): Entry {
    const entry = key === undefined ? this.#entries[0] : this.#entries.find((e) => e.key === key);
    if (entry !== undefined) return entry;
    throw new LinnetError('INVALID_ARGUMENT', `The model has no signature "${key}".`, {}, [
      `It has: ${this.#entries.map((candidate) => `"${candidate.key}"`).join(', ')}.`,
    ]);
  }
}
