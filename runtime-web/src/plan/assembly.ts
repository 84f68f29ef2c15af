import { invariant, LinnetError } from '@linnet/schema';
import type { Graph } from '../model/graph.js';
import type { Target } from './backend.js';
import { lifetimes } from './liveness.js';
import type { StageBuilder } from './lower.js';
import type { Run } from './place.js';
import type { Part, PlannedNode, Port, Segment, Stage, Turn } from './plan.js';
import { NODE_WORK, type TensorTable } from './step.js';

/** A backend's share while it grows. */
interface Share {
  readonly builder: StageBuilder;
  /** What the backend has had or made so far. */
  readonly holds: Set<number>;
  readonly segments: { calls: Segment['calls']; inputs: Port[]; outputs: Port[] }[];
}

/** Makes the segments of a stage out of runs of steps, with what passes between them. */
export class StageAssembly {
  readonly #shares: readonly Share[];
  readonly #turns: Turn[] = [];
  readonly #nodes: PlannedNode[] = [];

  constructor(
    readonly graph: Graph,
    readonly tensors: TensorTable,
    builders: readonly StageBuilder[],
    /** Whether what follows the stage reads a tensor. */
    readonly isWanted: (tensor: number) => boolean,
  ) {
    this.#shares = builders.map((builder) => ({ builder, holds: new Set(), segments: [] }));
  }

  /** Yields the work that is done. */
  *lower(runs: readonly Run[]): Generator<number, void> {
    const readers = runs.map(({ steps }) => new Set(steps.flatMap(({ node }) => node.inputs)));
    for (const [index, run] of runs.entries()) {
      const share = this.#shareOf(run.target);
      const { builder, holds } = share;
      const made = run.steps.flatMap(({ node }) => node.outputs);
      const inputs = [...(readers[index] as Set<number>)].filter((tensor) =>
        this.#comesIn(tensor, holds, made),
      );
      const ports = inputs.map((tensor) => builder.port(tensor));
      for (const step of run.steps) {
        this.#lower(step, builder);
        yield NODE_WORK;
      }
      const leaves = (tensor: number) =>
        this.isWanted(tensor) ||
        runs.some(({ target }, i) => target !== run.target && readers[i]?.has(tensor));
      for (const tensor of [...inputs, ...made]) holds.add(tensor);
      share.segments.push({
        calls: builder.takeCalls(),
        inputs: ports,
        outputs: made.filter(leaves).map((tensor) => builder.port(tensor)),
      });
      this.#turns.push({ part: this.#shares.indexOf(share), segment: share.segments.length - 1 });
    }
  }

  /** Lets the stage give tensors that none of its nodes has made: state. */
  addOutputs(target: Target, tensors: readonly number[]): void {
    if (tensors.length === 0) return;
    const share = this.#shareOf(target);
    const outputs = tensors.map((tensor) => share.builder.port(tensor));
    share.segments.push({ calls: [], inputs: [], outputs });
    this.#turns.push({ part: this.#shares.indexOf(share), segment: share.segments.length - 1 });
  }

  finish(): Pick<Stage, 'parts' | 'turns' | 'nodes'> {
    const parts = this.#shares.map(({ builder, segments }): Part => {
      const { target, buffers } = builder;
      const arena = target.layOut(lifetimes(buffers, segments));
      return { target, program: { buffers, segments, arena } };
    });
    return { parts, turns: this.#turns, nodes: this.#nodes };
  }

  #shareOf(target: Target): Share {
    const share = this.#shares.find(({ builder }) => builder.target === target);
    invariant(share !== undefined, `No part of the stage is for ${target.name}.`);
    return share;
  }

  #comesIn(tensor: number, holds: ReadonlySet<number>, made: readonly number[]): boolean {
    const isElsewhere = tensor >= 0 && !holds.has(tensor) && !made.includes(tensor);
    if (!isElsewhere || this.tensors.isVariable(tensor)) return false;
    return this.tensors.known(tensor) === undefined;
  }

  #lower(step: Run['steps'][number], builder: StageBuilder): void {
    const { name, op } = step.node;
    const { whyOnHost } = step;
    try {
      const support = builder.lower(step);
      const choices = builder.takeChoices();
      const backend = builder.target.name;
      this.#nodes.push({ name, op, support, backend, whyOnHost, choices });
    } catch (error) {
      const where = { subgraph: this.graph.name, node: name, op };
      throw error instanceof LinnetError ? error.at(where) : error;
    }
  }
}
