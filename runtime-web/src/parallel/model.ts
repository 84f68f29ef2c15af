/** A model with an instance in each of some workers, which share no memory. */
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
import { disposedError, LinnetError } from '../base.js';
import type { TensorInfo } from '../io/tensor.js';
import { passInputs } from './inputs.js';
import {
  ABORT,
  type Answer,
  type Done,
  type Loaded,
  type RunRequest,
  toError,
} from './messages.js';
import type { InstanceWorker } from './worker.js';

/** Something to do, for the worker that is free first. */
interface Job {
  readonly inputs: ModelInputs;
  readonly signature: string | undefined;
  readonly profile: RunRequest['profile'];
  readonly signal: AbortSignal | undefined;
  resolve(done: Done): void;
  reject(error: unknown): void;
}

/** A worker that has loaded the model. */
export interface Instance {
  readonly worker: InstanceWorker;
  readonly loaded: Loaded;
}

/** An instance and what it does now. */
interface Member {
  readonly worker: InstanceWorker;
  info: ModelInfo;
  job: Job | null;
}

export class ParallelModel implements Model {
  readonly signatures: readonly SignatureInfo[];
  readonly device = null;
  readonly #queue: Job[] = [];
  #members: readonly Member[];
  /** Why nothing runs any more. */
  #over: LinnetError | undefined;

  /** @param instances at least one */
  constructor(instances: readonly Instance[]) {
    this.signatures = (instances[0] as Instance).loaded.signatures;
    this.#members = instances.map(({ worker, loaded }) => {
      const member: Member = { worker, info: loaded.info, job: null };
      worker.listener = {
        receive: (answer) => this.#receive(member, answer),
        end: (error) => this.#end(member, error),
      };
      worker.keepAlive(false);
      return member;
    });
  }

  get inputs(): readonly TensorInfo[] {
    return (this.signatures[0] as SignatureInfo).inputs;
  }

  get outputs(): readonly TensorInfo[] {
    return (this.signatures[0] as SignatureInfo).outputs;
  }

  get info(): ModelInfo {
    this.#check();
    const infos = this.#members.map(({ info }) => info);
    const sum = (key: keyof ModelInfo['memory']) =>
      infos.reduce((total, { memory }) => total + memory[key], 0);
    return {
      ...(infos[0] as ModelInfo),
      workers: infos.length,
      memory: {
        constants: sum('constants'),
        arena: sum('arena'),
        arenaLowerBound: sum('arenaLowerBound'),
        state: sum('state'),
        total: sum('total'),
      },
    };
  }

  async run(inputs: ModelInputs, options: RunOptions = {}): Promise<ModelOutputs> {
    const { outputs } = await this.#enqueue(inputs, options, undefined);
    return outputs as ModelOutputs;
  }

  async runOnDevice(): Promise<DeviceOutputs> {
    this.#check();
    throw new LinnetError(
      'INVALID_ARGUMENT',
      'Outputs cannot stay on a GPU: the model runs on workers.',
      {},
      ['Load it with backend "webgpu", and without workers.'],
    );
  }

  async profile(inputs: ModelInputs, options: ProfileOptions = {}): Promise<Profile> {
    const { profile } = await this.#enqueue(inputs, options, { runs: options.runs });
    return profile as Profile;
  }

  resetVariables(): void {
    // Models that have any are not loaded on workers.
    this.#check();
  }

  dispose(): void {
    const error = disposedError();
    for (const member of this.#members) this.#end(member, error);
    this.#over = error;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #receive(member: Member, answer: Answer): void {
    const { job } = member;
    if ('done' in answer) {
      member.info = answer.done.info ?? member.info;
      job?.resolve(answer.done);
    } else if ('failed' in answer) {
      const error = toError(answer.failed);
      job?.reject(error);
      // Such an instance cannot run any more, and would fail whatever else is asked for.
      if (error.code === 'INTERNAL') this.#end(member, error);
    }
    this.#release(member);
  }

  /** A worker has ended, or is of no use. */
  #end(member: Member, error: LinnetError): void {
    if (!this.#members.includes(member)) return;
    this.#members = this.#members.filter((each) => each !== member);
    member.worker.stop();
    member.job?.reject(error);
    if (this.#members.length > 0) return;
    this.#over = error;
    for (const job of this.#queue.splice(0)) job.reject(error);
  }

  async #enqueue(
    inputs: ModelInputs,
    { signature, signal }: RunOptions,
    profile: RunRequest['profile'],
  ): Promise<Done> {
    this.#check(signal);
    let abort = () => {};
    try {
      return await new Promise<Done>((resolve, reject) => {
        const job: Job = { inputs, signature, profile, signal, resolve, reject };
        abort = () => this.#abort(job);
        signal?.addEventListener('abort', abort);
        this.#queue.push(job);
        this.#dispatch();
      });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Lets free workers begin with what waits. */
  #dispatch(): void {
    for (const member of this.#members.filter(({ job }) => job === null)) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      member.job = job;
      member.worker.keepAlive(true);
      this.#send(member, job).catch((cause) => {
        job.reject(cannotPass(cause));
        this.#release(member);
      });
    }
  }

  async #send(
    { worker }: Member,
    { inputs: given, signature, profile, signal }: Job,
  ): Promise<void> {
    const { inputs, transfer } = await passInputs(given);
    worker.send({ inputs, signature, ...(profile && { profile }) }, transfer);
    if (signal?.aborted) worker.send(ABORT);
  }

  #release(member: Member): void {
    member.job = null;
    member.worker.keepAlive(false);
    this.#dispatch();
  }

  /** The caller has lost interest; the worker may need a while until it lets go. */
  #abort(job: Job): void {
    const at = this.#queue.indexOf(job);
    if (at >= 0) this.#queue.splice(at, 1);
    else this.#members.find((member) => member.job === job)?.worker.send(ABORT);
    job.reject(aborted(job.signal));
  }

  /** @throws LinnetError that says why nothing runs any more, or of code ABORTED */
  #check(signal?: AbortSignal): void {
    if (this.#over) throw this.#over;
    if (signal?.aborted) throw aborted(signal);
  }
}

function aborted(signal: AbortSignal | undefined): LinnetError {
  return new LinnetError('ABORTED', 'The run was aborted.', {}, [], { cause: signal?.reason });
}

function cannotPass(cause: unknown): LinnetError {
  return new LinnetError(
    'INVALID_ARGUMENT',
    'An input cannot be passed to a worker.',
    {},
    ['Pass typed arrays, arrays of numbers or strings, or pictures.'],
    { cause },
  );
}
