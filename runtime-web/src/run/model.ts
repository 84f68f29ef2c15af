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
import type { Graph } from '../model/graph.js';
import type { BackendMemory, DeviceBackend } from '../plan/backend.js';
import type { Choice } from './choose.js';
import { Engine } from './engine.js';
import { type Entry, pickInputs, toEntry } from './entry.js';
import type { HostValue, RunContext } from './executor.js';
import type { Guard } from './guard.js';
import { profile } from './profile.js';
import { arenasOf, countSupport } from './report.js';

/** Tries of a run whose device goes away, before the last without a device. */
const DEVICE_TRIES = 2;

/** A loaded model. */
export class LoadedModel implements Model {
  readonly #guard: Guard;
  /** Let go of by dispose, so that the memory can be collected. */
  #choice: Choice | null;
  readonly #entries: readonly Entry[];
  /** Strings that belong to the model rather than to a run. */
  readonly #ownStrings: number;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    choice: Choice,
    /** Opens a device in the place of one that was lost. */
    readonly reopen: () => Promise<DeviceBackend>,
  ) {
    this.#choice = choice;
    const { guard, model } = choice.engine;
    this.#guard = guard;
    this.#entries = model.signatures.map((signature) => toEntry(signature, model.graphs));
    this.#ownStrings = model.strings.size;
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
    const { engine, reason, fallback = null } = this.#live();
    const { stages } = engine;
    const { host, device } = engine.backends;
    const memories = [host, ...(device ? [device] : [])].map((backend) => backend.memory());
    const sum = (key: keyof BackendMemory) =>
      memories.reduce((total, memory) => total + memory[key], 0);
    const arenas = stages.stages.flatMap(({ stage }) => arenasOf(stage));
    return {
      backend: (device ?? host).name,
      backendReason: reason,
      fallback,
      device: device?.description ?? null,
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
          const { host, device } = this.#live().engine.backends;
          return (device ?? host).peaks();
        },
        info: () => this.info,
      }),
    );
  }

  resetVariables(): void {
    this.#live().engine.resetState();
  }

  dispose(): void {
    this.#guard.dispose();
    this.#choice?.engine.dispose();
    this.#choice = null;
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
    const { model, resources } = this.#live().engine;
    const { strings } = model;
    const graph = model.graphs[entry.subgraph] as Graph;
    const given = pickInputs(entry, inputs);
    const values = graph.inputs.map((tensor) => {
      const position = entry.inputTensors.indexOf(tensor);
      const input = entry.inputs[position] as TensorInfo;
      const { shape, bytes } = encodeInput(input, given[position] as TensorInput, strings);
      return { type: { ...(graph.tensors[tensor]?.type as TensorType), shape }, bytes };
    });
    const results = await this.#execute(entry.subgraph, values, { signal, record });
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

  /** Runs a graph, again where the device went away and nothing had changed by then. */
  async #execute(
    graph: number,
    values: readonly HostValue[],
    context: RunContext,
  ): Promise<readonly HostValue[]> {
    for (let left = DEVICE_TRIES; ; left--) {
      const { engine } = this.#live();
      try {
        return await engine.executor.run(graph, values, context);
      } catch (error) {
        this.#guard.check(context.signal);
        if (!(error instanceof LinnetError) || error.code !== 'DEVICE_LOST') throw error;
        const { hasState } = engine;
        await this.#replaceDevice(engine, error, left > 0);
        if (hasState) throw error;
      }
    }
  }

  /** Goes on with another device or, where there is none or it `may` not be, on WASM alone. */
  async #replaceDevice(lost: Engine, cause: LinnetError, may: boolean): Promise<void> {
    const device = may ? await this.reopen().catch(() => null) : null;
    if (this.#choice?.engine !== lost) {
      // Disposed of, or another run has seen to it.
      device?.dispose();
      return;
    }
    const { model, resources, guard, backends } = lost;
    const engine = new Engine(model, resources, guard, { host: backends.host, device });
    lost.stages.clear();
    backends.device?.dispose();
    this.#choice = device
      ? { ...this.#choice, engine }
      : { engine, reason: cause.message, fallback: cause.message };
  }

  /** @throws LinnetError of code DISPOSED */
  #live(): Choice {
    this.#guard.check();
    return this.#choice as Choice;
  }

  #entry(key: string | undefined): Entry {
    const entry = key === undefined ? this.#entries[0] : this.#entries.find((e) => e.key === key);
    if (entry !== undefined) return entry;
    throw new LinnetError('INVALID_ARGUMENT', `The model has no signature "${key}".`, {}, [
      `It has: ${this.#entries.map((candidate) => `"${candidate.key}"`).join(', ')}.`,
    ]);
  }
}
