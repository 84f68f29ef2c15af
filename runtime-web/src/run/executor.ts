import { invariant, LinnetError, type TensorType } from '@linnet/schema';
import type { ExecutableModel, Graph, GraphNode } from '../model/graph.js';
import { Known } from '../model/known.js';
import type { Resources } from '../model/resources.js';
import { storageBytes } from '../model/storage.js';
import type { BoundProgram, Contents, Resident, StepTimes } from '../plan/backend.js';
import { type Given, type HostOp, isHostNode } from '../plan/infer.js';
import type { Part, Segment, Turn } from '../plan/plan.js';
import type { Uses } from '../plan/step.js';
import { formatShape } from './describe.js';
import type { Guard } from './guard.js';
import type { BoundStage, StageCache } from './stage-cache.js';

/** A tensor in the host's hands. */
export interface HostValue {
  readonly type: TensorType;
  /** Empty while the tensor is on a device. */
  readonly bytes: Uint8Array;
  /** Where a device has the tensor. */
  readonly resident?: Resident;
  /** Set once planning depends on the contents. */
  readonly known?: Known;
  /** Nobody else holds the bytes. */
  readonly isOwned?: true;
}

/** What concerns one run. */
export interface RunContext {
  /** Called when all that is left is to wait for outputs, so that another run may begin. */
  readonly submitted?: (() => void) | undefined;
  /** Whether outputs that a device makes last stay there. */
  readonly staysOnDevice?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Takes down the times of each segment that runs, under a name that tells segments apart. */
  readonly record?:
    | ((subgraph: string, segment: string, steps: readonly StepTimes[]) => void)
    | undefined;
}

/** What concerns one segment of a run; all but the record, the last alone. */
type SegmentContext = Pick<RunContext, 'submitted' | 'staysOnDevice'> & {
  readonly record: ((steps: readonly StepTimes[]) => void) | undefined;
};

const NOTHING = new Uint8Array();

type HostNode = Extract<GraphNode, { op: HostOp }>;

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
        await this.#runSegment(frame, entry, turn, { ...(isLast && context), record });
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
    { record, submitted, staysOnDevice }: SegmentContext,
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
      const running = bound.run(turn.segment, given);
      submitted?.();
      setAll((await running).map((bytes) => ({ bytes, isOwned: true })));
    }
  }

  async #carryOut(node: HostNode, frame: Frame, context: RunContext): Promise<void> {
    for (const [i, tensor] of node.inputs.entries()) {
      if (tensor < 0) throw invalid(node, frame, `leaves out input ${i}`);
      await frame.fetch(tensor);
    }
    const inputs = node.inputs.map((tensor) => frame.value(tensor));
    // Only the outermost graph's outputs are the run's.
    const { signal, record } = context;
    const call = (graph: number, values: readonly HostValue[]) =>
      this.#runGraph(graph, this.#arguments(node, graph, values), { signal, record });
    const handle = () => {
      const { bytes } = inputs[0] as HostValue;
      if (bytes.length !== 4) throw invalid(node, frame, 'takes one variable');
      return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
    };
    switch (node.op) {
      case 'IF': {
        const { thenSubgraphIndex, elseSubgraphIndex } = node.options;
        const branch = isTrue(inputs[0]) ? thenSubgraphIndex : elseSubgraphIndex;
        frame.setOutputs(node, await call(branch, inputs.slice(1)));
        return;
      }
      case 'WHILE': {
        let values: readonly HostValue[] = inputs;
        while (isTrue((await call(node.options.condSubgraphIndex, values))[0])) {
          values = await call(node.options.bodySubgraphIndex, values);
          await this.#takeTurns(context.signal);
        }
        frame.setOutputs(node, values);
        return;
      }
      case 'CALL_ONCE': {
        const { initSubgraphIndex } = node.options;
        if (this.resources.startOnce(initSubgraphIndex)) await call(initSubgraphIndex, []);
        return;
      }
      case 'READ_VARIABLE': {
        const output = frame.type(node.outputs[0] as number);
        const value = this.resources.get(handle());
        // A variable that nothing has assigned yet holds zeros of its declared type.
        const { type, bytes } = value ?? {
          type: output,
          bytes: new Uint8Array(storageBytes(output)),
        };
        if (type.dtype !== output.dtype) {
          throw invalid(node, frame, `reads ${output.dtype} from a variable of ${type.dtype}`);
        }
        frame.setOutputs(node, [{ type, bytes }]);
        return;
      }
      case 'ASSIGN_VARIABLE': {
        const { type, bytes } = inputs[1] as HostValue;
        this.resources.set(handle(), { type, bytes: bytes.slice() });
        return;
      }
      default:
        node satisfies never;
    }
  }

  /** The values under the called graph's own types; the shapes are the caller's. */
  #arguments(node: HostNode, index: number, values: readonly HostValue[]): readonly HostValue[] {
    const callee = this.model.graphs[index] as Graph;
    return callee.inputs.map((tensor, i) => {
      const declared = callee.tensors[tensor]?.type as TensorType;
      const { type, bytes } = values[i] as HostValue;
      if (declared.dtype !== type.dtype) {
        throw new LinnetError(
          'INVALID_MODEL',
          `The called graph takes ${declared.dtype} as input ${i}, but is given ${type.dtype}${formatShape(type.shape)}.`,
          { subgraph: callee.name, node: node.name, op: node.op },
        );
      }
      return { type: { ...declared, shape: type.shape }, bytes };
    });
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

function isTrue(value: HostValue | undefined): boolean {
  return value?.bytes[0] === 1;
}

function invalid(node: HostNode, frame: Frame, what: string): LinnetError {
  const where = { subgraph: frame.graph.name, node: node.name, op: node.op };
  return new LinnetError('INVALID_MODEL', `The node ${what}.`, where);
}

/** What the host holds while one graph runs. */
class Frame {
  readonly #values = new Map<number, HostValue>();

  constructor(
    readonly graph: Graph,
    readonly uses: Uses,
  ) {}

  set(tensor: number, value: HostValue): void {
    this.#values.set(tensor, value);
  }

  /** The results of a node under the types that the graph gives them; the shapes are the results'. */
  setOutputs(node: GraphNode, values: readonly HostValue[]): void {
    node.outputs.forEach((tensor, i) => {
      const { type, bytes } = values[i] as HostValue;
      this.set(tensor, { type: { ...this.type(tensor), shape: type.shape }, bytes });
    });
  }

  type(tensor: number): TensorType {
    return this.graph.tensors[tensor]?.type as TensorType;
  }

  value(tensor: number): HostValue {
    const constant = this.graph.tensors[tensor]?.constant;
    const value = this.#values.get(tensor) ?? constant ?? undefined;
    invariant(value !== undefined, `Tensor ${tensor} of graph ${this.graph.name} has no value.`);
    return value;
  }

  /** A tensor's contents wherever they are. */
  contents(tensor: number): Contents {
    const { bytes, resident } = this.value(tensor);
    return resident ?? bytes;
  }

  /** Has a tensor in the host's memory. */
  async fetch(tensor: number): Promise<void> {
    const { type, resident } = this.value(tensor);
    if (resident) this.set(tensor, { type, bytes: await resident.read(), isOwned: true });
  }

  /** Lets planning depend on the contents of a tensor. */
  async learn(tensor: number): Promise<void> {
    await this.fetch(tensor);
    const { type, bytes } = this.value(tensor);
    this.#values.set(tensor, { type, bytes, known: new Known(null, type, bytes) });
  }

  /** Drops what no node from `position` on reads. */
  forget(position: number): void {
    for (const tensor of this.#values.keys()) {
      if (!this.uses.readFrom(tensor, position)) this.#values.delete(tensor);
    }
  }

  /** What planning may start from. */
  given(): ReadonlyMap<number, Given> {
    return new Map(
      [...this.#values].map(([tensor, { type, known = null }]) => [tensor, { type, known }]),
    );
  }
}
