import { invariant, LinnetError, type TensorType } from '@linnet/schema';
import type { ExecutableModel, Graph, GraphNode } from '../model/graph.js';
import type { Resources } from '../model/resources.js';
import type { BoundProgram, StepTimes } from '../plan/backend.js';
import { type HostNode, isHostNode } from '../plan/infer.js';
import type { Part, Segment, Turn } from '../plan/plan.js';
import { Frame, type HostValue } from './frame.js';
import type { Guard } from './guard.js';
import type { CarryOut } from './host-ops.js';
import type { BoundStage, StageCache } from './stage-cache.js';

/** What concerns one run. */
export interface RunContext {
  /** Called when all that is left is to wait for outputs, so that another run may begin. */
  readonly submitted?: (() => void) | undefined;
  /** Whether outputs that a device makes last stay there. */
  readonly staysOnDevice?: boolean | undefined;
  /** Whether the host gives the event loop its turn between kernel calls: no other run may begin meanwhile. */
  readonly inTurns?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Takes down the times of each segment that runs, under a name that tells segments apart. */
  readonly record?:
    | ((subgraph: string, segment: string, steps: readonly StepTimes[]) => void)
    | undefined;
}

/** What concerns one segment of a run; `submitted` and `staysOnDevice`, the last alone. */
type SegmentContext = Pick<RunContext, 'submitted' | 'staysOnDevice' | 'inTurns'> & {
  readonly record: ((steps: readonly StepTimes[]) => void) | undefined;
};

const NOTHING = new Uint8Array();

/** Loops give the event loop a turn this often, so that a run can be aborted. */
const TURN_MS = 50;

/**
 * Runs graphs: stage after stage, and between them the nodes that the host carries out, control
 * flow and variables.
 */
export class Executor {
  #lastTurn = 0;

  constructor(
    readonly model: ExecutableModel,
    readonly resources: Resources,
    readonly stages: StageCache,
    readonly guard: Guard,
    /** Null where no node is the host's. */
    readonly carryOut: CarryOut | null,
  ) {}

  /** @returns the graph's outputs, in its order */
  run(
    index: number,
    inputs: readonly HostValue[],
    context: RunContext,
  ): Promise<readonly HostValue[]> {
    this.#lastTurn = performance.now();
    return this.#runGraph(index, inputs, context);
  }

  async #runGraph(
    index: number,
    inputs: readonly HostValue[],
    context: RunContext,
  ): Promise<readonly HostValue[]> {
    const frame = this.#frame(index, inputs);
    const { graph } = frame;
    let position = 0;
    while (position < graph.nodes.length) {
      this.guard.check(context.signal);
      const node = graph.nodes[position] as GraphNode;
      if (isHostNode(node)) {
        await this.#carryOut(node, frame, context);
        position++;
      } else {
        position = await this.#runStage(frame, position, context);
      }
      frame.forget(position);
    }
    return graph.outputs.map((tensor) => frame.value(tensor));
  }

  /** Plans and binds what can be before the first run; `inputs` are their types. */
  async prepare(index: number, inputs: readonly TensorType[]): Promise<void> {
    const frame = this.#frame(
      index,
      inputs.map((type) => ({ type, bytes: new Uint8Array() })),
    );
    const { graph } = frame;
    const first = graph.nodes[0];
    if (first === undefined || isHostNode(first)) return;
    await this.stages.get(graph, 0, frame.given());
  }

  /** What the host holds before the first node: the inputs that something reads. */
  #frame(index: number, inputs: readonly HostValue[]): Frame {
    const graph = this.model.graphs[index] as Graph;
    const frame = new Frame(graph, this.stages.planner.uses(graph));
    graph.inputs.forEach((tensor, i) => {
      frame.set(tensor, inputs[i] as HostValue);
    });
    frame.forget(0);
    return frame;
  }

  async #runStage(frame: Frame, position: number, context: RunContext): Promise<number> {
    const entry = await this.stages.get(frame.graph, position, frame.given());
    const { stage } = entry;
    try {
      for (const turn of stage.turns) {
        const record = context.record?.bind(
          null,
          frame.graph.name,
          `${position} ${turn.part} ${turn.segment}`,
        );
        const isLast = turn === stage.turns.at(-1) && stage.end === frame.graph.nodes.length;
        await this.#runSegment(frame, entry, turn, {
          ...(isLast && context),
          inTurns: context.inTurns,
          record,
        });
      }
    } catch (error) {
      throw error instanceof LinnetError ? error.at({ subgraph: frame.graph.name }) : error;
    } finally {
      this.stages.release(entry);
    }
    for (const [tensor, known] of stage.known) {
      frame.set(tensor, { type: known.type, bytes: known.bytes, known });
    }
    for (const tensor of stage.needs) await frame.learn(tensor);
    return stage.end;
  }

  async #runSegment(
    frame: Frame,
    { stage, programs }: BoundStage,
    turn: Turn,
    { record, submitted, staysOnDevice, inTurns }: SegmentContext,
  ): Promise<void> {
    const { target, program } = stage.parts[turn.part] as Part;
    const { inputs, outputs } = program.segments[turn.segment] as Segment;
    const bound = programs[turn.part] as BoundProgram;
    if (target.name === 'wasm') for (const { tensor } of inputs) await frame.fetch(tensor);
    const given = inputs.map(({ tensor }) => frame.contents(tensor));
    const setAll = (results: readonly Pick<HostValue, 'bytes' | 'resident' | 'isOwned'>[]) =>
      outputs.forEach(({ tensor, type }, i) => {
        frame.set(tensor, { type, ...(results[i] as (typeof results)[number]) });
      });
    if (record !== undefined) {
      const timed = await bound.profile(turn.segment, given);
      record(timed.steps);
      setAll(timed.outputs.map((bytes) => ({ bytes, isOwned: true })));
    } else if (staysOnDevice && bound.runOnDevice) {
      const residents = await bound.runOnDevice(turn.segment, given);
      setAll(residents.map((resident) => ({ bytes: NOTHING, resident })));
    } else {
      const running = bound.run(turn.segment, given, inTurns);
      submitted?.();
      setAll((await running).map((bytes) => ({ bytes, isOwned: true })));
    }
  }

  async #carryOut(node: HostNode, frame: Frame, context: RunContext): Promise<void> {
    for (const tensor of node.inputs) if (tensor >= 0) await frame.fetch(tensor);
    // Only the outermost graph's outputs are the run's.
    const { signal, record, inTurns } = context;
    invariant(this.carryOut, 'The family of control flow has not been loaded.');
    const outputs = await this.carryOut({
      node,
      graph: frame.graph,
      inputs: node.inputs.map((tensor) => (tensor < 0 ? null : frame.value(tensor))),
      graphs: this.model.graphs,
      resources: this.resources,
      run: (index, inputs) => this.#runGraph(index, inputs, { signal, record, inTurns }),
      takeTurn: () => this.#takeTurns(signal),
    });
    frame.setOutputs(node, outputs);
  }

  async #takeTurns(signal: AbortSignal | undefined): Promise<void> {
    const now = performance.now();
    if (now - this.#lastTurn > TURN_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      this.#lastTurn = performance.now();
    }
    this.guard.check(signal);
  }
}
