import { isStatic, type TensorType, UNKNOWN_DIM } from '@linnet/schema';
import type { ExecutableModel, Graph } from '../model/graph.js';
import type { Resources } from '../model/resources.js';
import type { DeviceBackend } from '../plan/backend.js';
import type { Overrule } from '../plan/choice.js';
import { Planner } from '../plan/planner.js';
import type { WasmBackend } from '../wasm/backend.js';
import { Executor } from './executor.js';
import type { Guard } from './guard.js';
import { StageCache } from './stage-cache.js';

export interface ModelBackends {
  readonly host: WasmBackend;
  readonly device: DeviceBackend | null;
}

/** A model with all that it takes to run it on some backends. */
export class Engine {
  readonly stages: StageCache;
  readonly executor: Executor;

  constructor(
    readonly model: ExecutableModel,
    readonly resources: Resources,
    readonly guard: Guard,
    readonly backends: ModelBackends,
    readonly overrule: Overrule,
  ) {
    this.stages = new StageCache(new Planner(model, backends, resources, overrule), backends);
    this.executor = new Executor(
      model,
      resources,
      this.stages,
      guard,
      backends.host.ops.control?.carryOut ?? null,
    );
  }

  /** The graph of the model's first entry point. */
  get mainGraph(): Graph {
    return this.model.graphs[this.model.signatures[0]?.subgraph ?? 0] as Graph;
  }

  /** The types of its inputs, open dimensions counting as 1. */
  get mainInputs(): readonly TensorType[] {
    return this.mainGraph.inputs.map((tensor) => {
      const type = this.mainGraph.tensors[tensor]?.type as TensorType;
      return { ...type, shape: type.shape.map((dim) => (dim === UNKNOWN_DIM ? 1 : dim)) };
    });
  }

  /** Plans and binds what can be before the first run. */
  async prepare(): Promise<void> {
    if (this.#isFixed) await this.executor.prepare(this.mainGraph.index, this.mainInputs);
  }

  /**
   * Lets go of the model's constants once nothing remains to be planned: the WASM backend has them
   * in the form that kernels read. A device may be lost, and then all is planned again.
   */
  releaseConstants(): void {
    const [entry] = this.stages.stages;
    const { nodes, outputs, tensors } = this.mainGraph;
    const isPlanned = this.model.graphs.length === 1 && entry?.stage.end === nodes.length;
    if (!isPlanned || !this.#isFixed || this.backends.device !== null) return;
    const given = outputs.flatMap((tensor) => tensors[tensor]?.constant ?? []);
    this.stages.planner.release(new Set([...entry.stage.known.values(), ...given]));
  }

  /** Whether the shapes of all inputs are known before a run. */
  get #isFixed(): boolean {
    const { inputs, tensors } = this.mainGraph;
    return inputs.every((tensor) => isStatic(tensors[tensor]?.type.shape ?? []));
  }

  /** Whether something is kept between runs. */
  get hasState(): boolean {
    const { host, device } = this.backends;
    const states = [host, device].map((backend) => backend?.memory().state ?? 0);
    return this.resources.isUsed || states.some((bytes) => bytes > 0);
  }

  resetState(): void {
    this.resources.reset();
    this.backends.host.resetState();
    this.backends.device?.resetState();
  }

  dispose(): void {
    this.backends.host.dispose();
    this.backends.device?.dispose();
  }
}
