import { LinnetError } from '@linnet/schema';
import type { Graph } from '../model/graph.js';
import type { Backend, BoundProgram } from '../plan/backend.js';
import type { Given } from '../plan/infer.js';
import type { Stage } from '../plan/plan.js';
import type { Planner } from '../plan/planner.js';

/** A stage with its place in the backend. */
export interface BoundStage {
  readonly stage: Stage;
  readonly bound: BoundProgram;
}

const MAX_STAGES = 64;
/** Past this, the stages used least recently are given up. */
const MAX_BYTES = 256 * 2 ** 20;

/** The stages of a model instance by what they were planned for, the latest used last. */
export class StageCache {
  readonly #stages = new Map<string, BoundStage>();

  constructor(
    readonly planner: Planner,
    readonly backend: Backend,
  ) {}

  /** The stage from node `from` on, for what the host holds. */
  get(graph: Graph, from: number, given: ReadonlyMap<number, Given>): BoundStage {
    const key = keyOf(graph, from, given);
    const entry = this.#stages.get(key) ?? this.#bind(this.planner.plan(graph, from, given));
    this.#stages.delete(key);
    this.#stages.set(key, entry);
    this.#evict();
    return entry;
  }

  get stages(): readonly BoundStage[] {
    return [...this.#stages.values()];
  }

  #bind(stage: Stage): BoundStage {
    try {
      return { stage, bound: this.backend.bind(stage) };
    } catch (error) {
      const isFull = error instanceof LinnetError && error.code === 'OUT_OF_MEMORY';
      if (!isFull || this.#stages.size === 0) throw error;
    }
    this.clear();
    return { stage, bound: this.backend.bind(stage) };
  }

  #evict(): void {
    let bytes = 0;
    for (const { bound } of this.#stages.values()) bytes += bound.bytes;
    for (const [key, { bound }] of this.#stages) {
      const isOver = this.#stages.size > MAX_STAGES || bytes > MAX_BYTES;
      if (!isOver || this.#stages.size === 1) return;
      this.#stages.delete(key);
      bytes -= bound.bytes;
      bound.dispose();
    }
  }

  clear(): void {
    for (const { bound } of this.#stages.values()) bound.dispose();
    this.#stages.clear();
  }
}

/** Dtypes and quantization are the graph's own, so shapes and known contents tell plans apart. */
function keyOf(graph: Graph, from: number, given: ReadonlyMap<number, Given>): string {
  const parts = [`${graph.index}/${from}`];
  for (const [tensor, { type, known }] of given) {
    const contents = known === null ? '' : `=${known.id ?? known.bytes.join()}`;
    parts.push(`${tensor}:${type.shape.join()}${contents}`);
  }
  return parts.join(' ');
}
