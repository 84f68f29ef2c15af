import { LinnetError, type TensorType } from '@linnet/schema';
import type {
  DeviceOutputs,
  Model,
  ModelInfo,
  ModelInputs,
  ModelOutputs,
  Profile,
  ProfileOptions,
  RunOptions,
  SignatureInfo,
} from '../api.js';
import { fetchPart } from '../base.js';
import {
  type DeviceOutput,
  decodeOutput,
  type TensorInfo,
  type TensorInput,
  type TensorOutput,
} from '../io/tensor.js';
import type { Graph } from '../model/graph.js';
import { elementsOf } from '../model/storage.js';
import type { BackendMemory, DeviceTensor } from '../plan/backend.js';
import { type Choice, type DeviceOpener, withoutHalves } from './choose.js';
import { Engine } from './engine.js';
import { type Entry, notOnDevice, pickInputs, toEntry } from './entry.js';
import type { RunContext } from './executor.js';
import type { HostValue } from './frame.js';
import type { Guard } from './guard.js';
import { toValue } from './inputs.js';
import { arenasOf, countSupport, handoversOf } from './report.js';

/** Tries of a run whose device goes away, before the last without a device. */
const DEVICE_TRIES = 2;

const STATE_LOST = 'What the model kept between runs is lost with it: the next run begins anew.';

/** Something that an engine runs. */
type Task = (engine: Engine) => Promise<readonly HostValue[]>;

/** A loaded model. */
export class LoadedModel implements Model {
  readonly #guard: Guard;
  /** Let go of by dispose, so that the memory can be collected. */
  #choice: Choice | null;
  readonly #entries: readonly Entry[];
  /** Strings that belong to the model rather than to a run. */
  readonly #ownStrings: number;
  readonly #hasStrings: boolean;
  #queue: Promise<unknown> = Promise.resolve();
  /** Runs that are run again, one after the other; no other begins meanwhile. */
  #retries: Promise<unknown> = Promise.resolve();

  constructor(
    choice: Choice,
    /** Opens a device in the place of one that was lost. */
    readonly reopen: DeviceOpener,
  ) {
    this.#choice = choice;
    const { guard, model } = choice.engine;
    this.#guard = guard;
    this.#entries = model.signatures.map((signature) => toEntry(signature, model.graphs));
    this.#ownStrings = model.strings.size;
    this.#hasStrings = model.graphs.some(({ tensors }) =>
      tensors.some(({ type }) => type.dtype === 'string'),
    );
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
    const nodes = stages.stages.flatMap(({ stage }) => stage.nodes);
    const arenas = stages.stages.flatMap(({ stage }) => arenasOf(stage));
    const handovers = stages.stages.map(({ stage }) => handoversOf(stage));
    return {
      backend: (device ?? host).name,
      backendReason: reason,
      fallback,
      device: device?.description ?? null,
      build: host.build,
      threads: host.threads,
      threadsReason: host.threadsReason,
      workers: 0,
      memory: {
        constants: sum('constants'),
        arena: arenas.reduce((sum, { bytes }) => sum + bytes, 0),
        arenaLowerBound: arenas.reduce((sum, { lowerBound }) => sum + lowerBound, 0),
        state: sum('state'),
        total: sum('total'),
      },
      handovers: {
        tensors: handovers.reduce((sum, { tensors }) => sum + tensors, 0),
        bytes: handovers.reduce((sum, { bytes }) => sum + bytes, 0),
      },
      ops: countSupport(nodes),
      choices: nodes.flatMap(({ choices }) => choices),
    };
  }

  /** Whether a run may depend on those before it. */
  get keepsState(): boolean {
    const { graphs } = this.#live().engine.model;
    return graphs.some(
      ({ nodes, tensors }) =>
        nodes.some(({ op }) => op === 'VAR_HANDLE' || op === 'CALL_ONCE') ||
        tensors.some(({ isVariable }) => isVariable),
    );
  }

  get device(): GPUDevice | null {
    return this.#live().engine.backends.device?.device ?? null;
  }

  run(inputs: ModelInputs, options: RunOptions = {}): Promise<ModelOutputs> {
    return this.#enqueue((submitted) => this.#run(inputs, { ...options, submitted }));
  }

  runOnDevice(inputs: ModelInputs, options: RunOptions = {}): Promise<DeviceOutputs> {
    return this.#enqueue(async () => {
      const { device } = this.#live().engine.backends;
      if (device === null) {
        throw notOnDevice('Outputs cannot stay on a GPU');
      }
      const { entry, values } = await this.#compute(inputs, { ...options, staysOnDevice: true });
      return Object.fromEntries(
        values.map(({ type, bytes, resident }, i): [string, DeviceOutput] => {
          const { name } = entry.outputs[i] as TensorInfo;
          const { dtype, shape } = type;
          const tensor = (resident ?? device.upload(bytes)) as DeviceTensor;
          const output: DeviceOutput = {
            name,
            dtype,
            shape,
            buffer: tensor.buffer,
            read: async () => elementsOf(dtype, await tensor.read()),
            dispose: () => tensor.buffer.destroy(),
          };
          return [name, output];
        }),
      );
    });
  }

  profile(inputs: ModelInputs, options: ProfileOptions = {}): Promise<Profile> {
    const { runs, ...common } = options;
    return this.#enqueue(async () => {
      const { profile } = await fetchPart(() => import('./profile.js'));
      return profile({
        runs,
        run: (record) => this.#run(inputs, { ...common, record }),
        peaks: () => {
          const { host, device } = this.#live().engine.backends;
          return (device ?? host).peaks();
        },
        info: () => this.info,
      });
    });
  }

  /** A run with a record of its steps. */
  runRecorded(
    inputs: ModelInputs,
    options: RunOptions,
    record: RunContext['record'],
  ): Promise<ModelOutputs> {
    return this.#enqueue(() => this.#run(inputs, { ...options, record }));
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

  /**
   * Does something after all that was asked for before: when that is done, or when it has let go.
   */
  #enqueue<T>(task: (letGo: () => void) => Promise<T>): Promise<T> {
    let letGo = () => {};
    const free = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const result = this.#queue.then(() => this.#retries).then(() => task(letGo));
    this.#queue = Promise.race([free, result.then(letGo, letGo)]);
    return result;
  }

  async #run(inputs: ModelInputs, context: RunOptions & RunContext): Promise<ModelOutputs> {
    const { entry, values } = await this.#compute(inputs, context);
    const { model, resources } = this.#live().engine;
    const { strings } = model;
    const bytes = await Promise.all(values.map((value) => value.resident?.read() ?? value.bytes));
    const outputs = values.map(({ type, isOwned }, i): [string, TensorOutput] => {
      const { name } = entry.outputs[i] as TensorInfo;
      const own = isOwned && entry.outputTensors.indexOf(entry.outputTensors[i] as number) === i;
      const contents = bytes[i] as Uint8Array;
      const data = decodeOutput(type, own ? contents : contents.slice(), strings);
      return [name, { name, dtype: type.dtype, shape: type.shape, data }];
    });
    if (!resources.holdsStrings) strings.truncate(this.#ownStrings);
    return Object.fromEntries(outputs);
  }

  /** The values of an entry's outputs, in its order. */
  async #compute(
    inputs: ModelInputs,
    { signature, submitted, ...context }: RunOptions & RunContext,
  ): Promise<{ readonly entry: Entry; readonly values: readonly HostValue[] }> {
    this.#guard.check(context.signal);
    const entry = this.#entry(signature);
    const { model } = this.#live().engine;
    const graph = model.graphs[entry.subgraph] as Graph;
    const given = pickInputs(entry, inputs);
    // Handles of strings are forgotten when a run ends, so that runs with strings do not overlap.
    const overlaps = this.#hasStrings ? undefined : submitted;
    const results = await this.#execute(async ({ executor, backends }) => {
      const values = graph.inputs.map((tensor) => {
        const position = entry.inputTensors.indexOf(tensor);
        const [info, value] = [entry.inputs[position] as TensorInfo, given[position]];
        const declared = graph.tensors[tensor]?.type as TensorType;
        return toValue(info, declared, value as TensorInput, backends.device, model.strings);
      });
      return executor.run(entry.subgraph, await Promise.all(values), {
        ...context,
        submitted: overlaps,
      });
    });
    this.#guard.check(context.signal);
    const values = entry.outputTensors.map(
      (tensor) => results[graph.outputs.indexOf(tensor)] as HostValue,
    );
    return { entry, values };
  }

  /** Runs a graph, again where the device went away, or float16 did not do, and nothing had changed by then. */
  async #execute(task: Task): Promise<readonly HostValue[]> {
    const { engine } = this.#live();
    try {
      return await task(engine);
    } catch (error) {
      const lost = this.#lossOf(error);
      const retried = this.#retries.then(() => this.#executeAgain(task, engine, lost));
      this.#retries = retried.catch(() => {});
      return retried;
    }
  }

  async #executeAgain(
    task: Task,
    engine: Engine,
    error: LinnetError,
  ): Promise<readonly HostValue[]> {
    let [lost, loss] = [engine, error];
    for (let left = DEVICE_TRIES; ; left--) {
      // Where another run has replaced the device, that run has said what is lost.
      const hasState = this.#choice?.engine === lost && lost.hasState;
      await this.#replaceDevice(lost, loss, left > 0);
      lost = this.#live().engine;
      if (hasState) {
        lost.resetState();
        throw new LinnetError(loss.code, loss.message, loss.where, [STATE_LOST], { cause: loss });
      }
      try {
        return await task(lost);
      } catch (again) {
        loss = this.#lossOf(again);
      }
    }
  }

  /**
   * The error of a run whose device went away, for another run of this model too, or is to compute
   * otherwise; any other is thrown.
   */
  #lossOf(error: unknown): LinnetError {
    this.#guard.check();
    // The model is not disposed of: what is, is a program of a device that another run has replaced.
    const codes: readonly string[] = ['DEVICE_LOST', 'OUT_OF_RANGE', 'DISPOSED'];
    if (error instanceof LinnetError && codes.includes(error.code)) return error;
    throw error;
  }

  /** Goes on with another device or, where there is none or it `may` not be, on WASM alone. */
  async #replaceDevice(lost: Engine, cause: LinnetError, may: boolean): Promise<void> {
    if (this.#choice?.engine !== lost) return;
    const isRange = cause.code === 'OUT_OF_RANGE';
    const halves = lost.backends.device?.halves === true && !isRange;
    const device = may ? await this.reopen(halves).catch(() => null) : null;
    if (this.#choice?.engine !== lost) {
      // Disposed of, or another run has seen to it.
      device?.dispose();
      return;
    }
    const { model, resources, guard, backends, overrule } = lost;
    const engine = new Engine(model, resources, guard, { host: backends.host, device }, overrule);
    lost.stages.clear();
    backends.device?.dispose();
    this.#choice = device
      ? { ...this.#choice, engine, ...(isRange && { fallback: withoutHalves(cause.message) }) }
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
