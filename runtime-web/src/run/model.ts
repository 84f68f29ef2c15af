import { LinnetError, type TensorType } from '@linnet/schema';
import type {
  Model,
  ModelInfo,
  ModelInputs,
  ModelOutputs,
  Profile,
  ProfileOptions,
  RunOptions,
  SignatureInfo,
} from '../api.js';
import {
  decodeOutput,
  encodeInput,
  type TensorInfo,
  type TensorInput,
  type TensorOutput,
} from '../io/tensor.js';
import type { ExecutableModel, Graph } from '../model/graph.js';
import type { Resources } from '../model/resources.js';
import type { Backend, BackendMemory } from '../plan/backend.js';
import type { WasmBackend } from '../wasm/backend.js';
import { type Entry, pickInputs, toEntry } from './entry.js';
import type { Executor, HostValue, RunContext } from './executor.js';
import type { Guard } from './guard.js';
import { profile } from './profile.js';
import { arenasOf, countSupport } from './report.js';
import type { StageCache } from './stage-cache.js';

export interface ModelBackends {
  readonly host: WasmBackend;
  readonly device: Backend | null;
}

/** What a model is made of; see loadModel. */
export interface ModelParts {
  readonly executable: ExecutableModel;
  readonly resources: Resources;
  readonly stages: StageCache;
  readonly executor: Executor;
  readonly backends: ModelBackends;
  readonly guard: Guard;
}

/** A model with all that it takes to run it. */
export class LoadedModel implements Model {
  readonly #guard: Guard;
  /** Let go of by dispose, so that the memory can be collected. */
  #parts: ModelParts | null;
  readonly #entries: readonly Entry[];
  /** Strings that belong to the model rather than to a run. */
  readonly #ownStrings: number;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.#guard = parts.guard;
    const { signatures, graphs, strings } = parts.executable;
    this.#entries = signatures.map((signature) => toEntry(signature, graphs));
    this.#ownStrings = strings.size;
  }

  get signatures(): readonly SignatureInfo[] {
    return this.#entries;
  }

  get inputs(): readonly TensorInfo[] {
    return this.#entry(undefined).inputs;
  }

  get outputs(): readonly TensorInfo[] {
    return this.#entry(undefined).outputs;
  }

  get info(): ModelInfo {
    const { backends, stages } = this.#live();
    const { host, device } = backends;
    const memories = [host, ...(device ? [device] : [])].map((backend) => backend.memory());
    const sum = (key: keyof BackendMemory) =>
      memories.reduce((total, memory) => total + memory[key], 0);
    const arenas = stages.stages.flatMap(({ stage }) => arenasOf(stage));
    return {
      backend: (device ?? host).name,
      build: host.build,
      threads: host.threads,
      threadsReason: host.threadsReason,
      memory: {
        constants: sum('constants'),
        arena: arenas.reduce((sum, { bytes }) => sum + bytes, 0),
        arenaLowerBound: arenas.reduce((sum, { lowerBound }) => sum + lowerBound, 0),
        state: sum('state'),
        total: sum('total'),
      },
      ops: countSupport(stages.stages.flatMap(({ stage }) => stage.nodes)),
    };
  }

  run(inputs: ModelInputs, options: RunOptions = {}): Promise<ModelOutputs> {
    return this.#enqueue(() => this.#run(inputs, options));
  }

  profile(inputs: ModelInputs, options: ProfileOptions = {}): Promise<Profile> {
    const { runs, ...common } = options;
    return this.#enqueue(() =>
      profile({
        runs,
        run: (record) => this.#run(inputs, { ...common, record }),
        peaks: () => {
          const { host, device } = this.#live().backends;
          return (device ?? host).peaks();
        },
        info: () => this.info,
      }),
    );
  }

  resetVariables(): void {
    const { resources, backends } = this.#live();
    resources.reset();
    backends.host.resetState();
    backends.device?.resetState();
  }

  dispose(): void {
    this.#guard.dispose();
    this.#parts?.backends.host.dispose();
    this.#parts?.backends.device?.dispose();
    this.#parts = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Does something after all that was asked for before. */
  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => {});
    return result;
  }

  async #run(
    inputs: ModelInputs,
    { signature, signal, record }: RunOptions & RunContext,
  ): Promise<ModelOutputs> {
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
    const results = await executor.run(entry.subgraph, values, { signal, record });
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
