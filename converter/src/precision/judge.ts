import type { ObserveOptions, Range } from '../calibrate/index.js';
import { emit } from '../emit/index.js';
import { cloneGraph, withGraphs } from '../graph/clone.js';
import type { Graph, Program, TensorId } from '../graph/graph.js';
import { RewriteLog } from '../passes/driver.js';
import { type Precision, type QuantizeMode, quantize } from '../quantize/index.js';
import { judgedProgram } from '../recover/judged.js';
import { measure, type Quality } from '../recover/measure.js';
import { heldIndex, type SplitSamples } from '../recover/samples.js';
import type { Metric } from '../verify/metric.js';
import type { Measured } from './budget.js';
import { type Assignment, assembled, precisionsOf } from './layers.js';

/** Samples on which single layers are judged at most; whole models are judged on all that are held back. */
const LAYER_SAMPLES = 64;

export interface JudgeInput {
  readonly program: Program;
  /** Of the graph in the program. */
  readonly index: number;
  readonly signature: string;
  readonly mode: QuantizeMode;
  readonly ranges: ReadonlyMap<TensorId, Range> | undefined;
  readonly samples: SplitSamples;
  readonly metric: Metric;
  /** The graph with weights that are made for a precision, where there are such. */
  readonly variants: ReadonlyMap<Precision, Graph>;
  readonly pass: (what: string) => ObserveOptions;
}

/** A model before it is measured. */
interface Candidate {
  readonly assignment: Assignment;
  /** Of the nodes that belong to no layer. */
  readonly others: Precision;
}

/** Makes models of assignments and measures them against the float model. */
export class Judge {
  readonly #reference: Uint8Array;
  readonly #outputs: readonly string[];
  #floatScore: number | undefined;

  private constructor(readonly input: JudgeInput) {
    const { program, outputs } = this.#judged(this.graph);
    this.#reference = emit(program);
    this.#outputs = outputs;
  }

  /** @throws LinnetError as measure does */
  static async create(input: JudgeInput): Promise<Judge> {
    const judge = new Judge(input);
    const [float] = await judge.#measure([judge.#reference], 'the float model');
    judge.#floatScore = float!.score;
    return judge;
  }

  get graph(): Graph {
    return this.input.program.graphs[this.input.index]!;
  }

  /** Whether the metric has something to say of the model. */
  get hasScore(): boolean {
    return this.#floatScore !== undefined;
  }

  /** The size of the file of an assignment. */
  bytes({ assignment, others }: Candidate): number {
    const { program, index } = this.input;
    const graph = this.#assembled(assignment);
    const graphs = program.graphs.map((own, i) => (i === index ? graph : cloneGraph(own)));
    return emit(this.#quantized(withGraphs(program, graphs), assignment, others)).byteLength;
  }

  /** Whole models, on all samples held back. */
  async measureModels(
    candidates: readonly Candidate[],
    what: string,
  ): Promise<readonly Measured[]> {
    const files = candidates.map((candidate) => this.#file(candidate));
    const qualities = await this.#measure(files, what);
    return qualities.map((quality, i) => ({
      bytes: this.bytes(candidates[i]!),
      quality,
      accuracyDrop: this.#drop(quality),
    }));
  }

  /** The error that each of many candidates makes, on a part of the samples. */
  async errors(candidates: readonly Candidate[], what: string): Promise<readonly number[]> {
    const errors: number[] = [];
    // Files are made when their turn comes, so that only a few are in memory.
    for (let i = 0; i < candidates.length; i += 4) {
      const files = candidates.slice(i, i + 4).map((candidate) => this.#file(candidate));
      const progress = `${what} ${Math.min(i + 4, candidates.length)} of ${candidates.length}`;
      const qualities = await this.#measure(files, progress, LAYER_SAMPLES);
      errors.push(...qualities.map(({ error }) => error));
    }
    return errors;
  }

  #drop({ score }: Quality): number | undefined {
    if (score === undefined || this.#floatScore === undefined) return undefined;
    const { higherIsBetter } = this.input.metric;
    return 100 * (higherIsBetter ? this.#floatScore - score : score - this.#floatScore);
  }

  #measure(
    files: readonly Uint8Array[],
    what: string,
    limit?: number,
  ): Promise<readonly Quality[]> {
    const { signature, metric, samples, pass } = this.input;
    const held = limit === undefined ? samples.held : samples.held.take(limit);
    const settings = { ...pass(what), signature, metric, indexOf: heldIndex };
    return measure(this.#reference, files, held, { ...settings, outputs: this.#outputs });
  }

  #file({ assignment, others }: Candidate): Uint8Array {
    const { program } = this.#judged(this.#assembled(assignment));
    return emit(this.#quantized(program, assignment, others));
  }

  #assembled(assignment: Assignment): Graph {
    return assembled(this.graph, assignment, this.input.variants);
  }

  #judged(graph: Graph) {
    const { program, index, signature } = this.input;
    const graphs = program.graphs.map((own, i) => cloneGraph(i === index ? graph : own));
    return judgedProgram(withGraphs(program, graphs), index, signature);
  }

  #quantized(program: Program, assignment: Assignment, others: Precision): Program {
    const { index, mode, ranges } = this.input;
    const graph = program.graphs[index]!;
    const precisions = new Map([[graph, precisionsOf(this.graph, assignment, others)]]);
    const own = new Map(ranges && [[graph, ranges]]);
    return quantize(program, mode, new RewriteLog(), { ranges: own, precisions }).program;
  }
}
