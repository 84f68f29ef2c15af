import { LinnetError } from '@linnet/schema';
import { inTurns, takeTurn } from '../base.js';
import type { Graph } from '../model/graph.js';
import type { Backends, BoundProgram } from '../plan/backend.js';
import type { Given } from '../plan/infer.js';
import type { Stage } from '../plan/plan.js';
import type { Planner } from '../plan/planner.js';

/** A stage with the place of each part in its backend. */
export interface BoundStage {
  readonly stage: Stage;
  readonly programs: readonly BoundProgram[];
}

const MAX_STAGES = 64;
/** Past this, the stages used least recently are given up. */
const MAX_BYTES = 256 * 2 ** 20;

/** Contents larger than this hardly come twice, and would make long keys. */
const MAX_KEYED_BYTES = 4096;

/** The stages of a model instance by what they were planned for, the latest used last. */
export class StageCache {
  readonly #stages = new Map<string, BoundStage>();
  /** Stages planned for contents that no key names. */
  readonly #passing = new Set<BoundStage>();

  constructor(
    readonly planner: Planner,
    readonly backends: Backends,
  ) {}

  /** The stage from node `from` on, for what the host holds; release it after its run. */
  async get(graph: Graph, from: number, given: ReadonlyMap<number, Given>): Promise<BoundStage> {
    const key = keyOf(graph, from, given);
    const kept = key === null ? undefined : this.#stages.get(key);
    const entry = kept ?? (await this.#make(graph, from, given));
    if (key === null) {
      this.#passing.add(entry);
      return entry;
    }
    this.#stages.delete(key);
    this.#stages.set(key, entry);
    this.#evict();
    return entry;
  }

  /** Gives up a stage that is not kept for another run. */
  release(entry: BoundStage): void {
    if (this.#passing.delete(entry)) dispose(entry);
  }

  get stages(): readonly BoundStage[] {
    return [...this.#stages.values()];
  }

  async #make(graph: Graph, from: number, given: ReadonlyMap<number, Given>): Promise<BoundStage> {
    await takeTurn();
    const stage = await inTurns(this.planner.plan(graph, from, given));
    await takeTurn();
    return this.#bind(stage);
  }

  async #bind(stage: Stage): Promise<BoundStage> {
    try {
      return await bind(stage, this.backends);
    } catch (error) {
      const isFull = error instanceof LinnetError && error.code === 'OUT_OF_MEMORY';
      if (!isFull || this.#stages.size === 0) throw error;
    }
    this.clear();
    return bind(stage, this.backends);
  }

  #evict(): void {
    let bytes = 0;
    for (const entry of this.#stages.values()) bytes += bytesOf(entry);
    for (const [key, entry] of this.#stages) {
      const isOver = this.#stages.size > MAX_STAGES || bytes > MAX_BYTES;
      if (!isOver || this.#stages.size === 1) return;
      this.#stages.delete(key);
      bytes -= bytesOf(entry);
      dispose(entry);
    }
  }

  clear(): void {
    for (const entry of this.#stages.values()) dispose(entry);
    this.#stages.clear();
  }
}

async function bind(stage: Stage, { host, device }: Backends): Promise<BoundStage> {
  const programs: BoundProgram[] = [];
  try {
    for (const { target, program } of stage.parts) {
      const backend = target.name === device?.name ? device : host;
      programs.push(await backend.bind(program));
    }
    return { stage: withoutBuffers(stage), programs };
  } catch (error) {
    dispose({ stage, programs });
    throw error;
  }
}

/** A stage whose contents the backends have by now. */
function withoutBuffers(stage: Stage): Stage {
  const parts = stage.parts.map(({ target, program }) => ({
    target,
    program: { ...program, buffers: [] },
  }));
  return { ...stage, parts };
}

function dispose({ programs }: BoundStage): void {
  for (const program of programs) program.dispose();
}

function bytesOf({ programs }: BoundStage): number {
  return programs.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * What tells plans apart: shapes and known contents, as dtypes and quantization are the graph's own.
 * Null where contents are too large for a key.
 */
function keyOf(graph: Graph, from: number, given: ReadonlyMap<number, Given>): string | null {
  const parts = [`${graph.index}/${from}`];
  for (const [tensor, { type, known }] of given) {
    if (known?.id === null && known.bytes.length > MAX_KEYED_BYTES) return null;
    const contents = known === null ? '' : `=${known.id ?? known.bytes.join()}`;
    parts.push(`${tensor}:${type.shape.join()}${contents}`);
  }
  return parts.join(' ');
}
