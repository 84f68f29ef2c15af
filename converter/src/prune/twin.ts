import {
  type Signature as EntryPoint,
  invariant,
  type Model,
  type Operator,
  type Subgraph,
} from '@linnet/schema';
import { observe, ProbeGraph } from '../calibrate/index.js';
import { CrossMoments } from '../calibrate/observers/cross-moments.js';
import { type CalibrationOptions, openSamples } from '../calibrate/open-samples.js';
import { Dataset } from '../data/dataset.js';
import { toModel } from '../emit/index.js';
import type { Program, Signature } from '../graph/graph.js';
import { advance, type Front } from './front.js';
import type { Layer } from './layers.js';
import { SideBySide } from './side-by-side.js';
import { withoutHeldBack } from './statistics.js';

/** Which of the samples are looked at. */
export type Seen = 'all' | 'but those held back';

/** Samples that are seen at most. */
const SAMPLES = 256;

/** Inputs of a layer in the program as it is (x) and as it was (y), for the same samples. */
export interface TwinStatistics {
  readonly rows: number;
  readonly meanX: Float64Array;
  readonly meanY: Float64Array;
  /** X^T X, X^T Y and Y^T Y: [groups, columns, columns]. */
  readonly xx: Float64Array;
  readonly xy: Float64Array;
  readonly yy: Float64Array;
  /**
   * Where the layer's result is added to something (s): the mean of the difference D that pruning has made
   * to that, as it was less as it is [rows], and X^T D [columns, rows].
   */
  readonly skip: { readonly meanD: Float64Array; readonly xd: Float64Array } | undefined;
}

/**
 * A program and what it was made from, run side by side, from layer to layer: what lies before the layers
 * that are still to change is run once.
 */
export class TwinWalk {
  readonly #fronts = new Map<Signature, Front>();

  /**
   * @param original the model of the program before any of its constants changed
   * @param seen whether to look at all samples, or to leave out those that are held back
   */
  constructor(
    readonly program: Program,
    readonly original: Model,
    readonly calibration: CalibrationOptions,
    readonly seen: Seen,
    readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * What a layer's weights meet in both.
   *
   * @param later the layers that change after it; the program's constants before all of them stay as they are
   */
  async observe(layer: Layer, later: readonly Layer[]): Promise<TwinStatistics> {
    const { program, original, signal } = this;
    const current = toModel(program);
    const { threads = 1 } = this.calibration;
    const moments: CrossMoments[] = [];
    for (const signature of program.signatures) {
      const { graph } = signature;
      const order = new Map([...graph.nodes].map(({ id }, position) => [id, position]));
      const positionsOf = ({ sites }: Layer) =>
        sites.filter((site) => site.graph === graph).map(({ node }) => order.get(node.id)!);
      const positions = positionsOf(layer);
      if (positions.length === 0) continue;
      const twins = new SideBySide(current, original, program.graphs.indexOf(graph));
      const entry = current.signatures.find(({ key }) => key === signature.key)!;
      const first = Math.min(...[layer, ...later].flatMap(positionsOf));
      const start = this.#fronts.get(signature) ?? (await this.#start(signature, entry));
      const front = await advance(start, first, twins, entry, { threads, signal });
      this.#fronts.set(signature, front);
      const skips = positions.map((position) => skipOf(twins.first, position));
      const ends = skips.map((skip) => (skip === undefined ? 0 : madeBy(twins.first, skip) + 1));
      const stretch = { from: front.position, end: Math.max(...ends, Math.max(...positions) + 1) };
      const observers = positions.map((position, index) => {
        const own = position - stretch.from;
        const skip = skips[index];
        return new CrossMoments(
          [own, own + stretch.end - stretch.from],
          skip === undefined ? undefined : [skip, twins.twin(skip)],
        );
      });
      const model = twins.stretch(entry, stretch, front.inputs);
      await observe(new ProbeGraph(model, entry.key), front.samples, observers, {
        threads,
        ...(signal && { signal }),
      });
      moments.push(...observers);
    }
    return merged(moments);
  }

  async #start(signature: Signature, { inputs }: EntryPoint): Promise<Front> {
    const all = await openSamples(this.calibration, signature);
    const samples = this.seen === 'all' ? Dataset.from(all) : withoutHeldBack(all, []);
    return { position: 0, inputs, samples: samples.take(SAMPLES) };
  }
}

/** The position of the node that makes a tensor, or -1. */
function madeBy({ operators }: Subgraph, tensor: number): number {
  return operators.findIndex(({ outputs }) => outputs.includes(tensor));
}

/**
 * What the result of a fully connected layer or a 1x1 convolution is added to, where nothing is done to it
 * before and nothing else reads it: the other branch of a residual block.
 */
function skipOf({ tensors, operators, outputs }: Subgraph, index: number): number | undefined {
  const node = operators[index]!;
  if (node.op !== 'FULLY_CONNECTED' && node.op !== 'CONV_2D') return undefined;
  const [, weights] = node.inputs as readonly [number, number];
  const result = node.outputs[0]!;
  const isWindow = node.op === 'CONV_2D' && !isPointwise(node, tensors[weights]!.shape);
  const channels = tensors[node.inputs[0]!]!.shape.at(-1);
  const isGrouped = node.op === 'CONV_2D' && channels !== tensors[weights]!.shape.at(-1);
  if (node.options.fusedActivationFunction !== 0 || isWindow || isGrouped) return undefined;
  if (outputs.includes(result)) return undefined;
  const [reader, ...others] = operators.filter(({ inputs }) => inputs.includes(result));
  if (reader?.op !== 'ADD' || others.length > 0) return undefined;
  const other = reader.inputs.find((tensor) => tensor !== result);
  if (other === undefined || tensors[other]!.data !== null) return undefined;
  const [own, its] = [tensors[result]!.shape, tensors[other]!.shape];
  return own.length === its.length && own.every((dim, i) => dim === its[i]) ? other : undefined;
}

function isPointwise(
  { options }: Extract<Operator, { op: 'CONV_2D' }>,
  [, height, width]: readonly number[],
): boolean {
  return height === 1 && width === 1 && options.strideH === 1 && options.strideW === 1;
}

function merged(moments: readonly CrossMoments[]): TwinStatistics {
  const [first, ...others] = moments;
  invariant(first !== undefined, 'a layer is observed at its nodes');
  const rows = moments.reduce((sum, one) => sum + one.rows, 0);
  const total = (of: (one: CrossMoments) => Float64Array) =>
    others.length === 0
      ? of(first)
      : of(first).map((value, i) => others.reduce((sum, one) => sum + of(one)[i]!, value));
  return {
    rows,
    meanX: total(({ sumX }) => sumX).map((sum) => sum / rows),
    meanY: total(({ sumY }) => sumY).map((sum) => sum / rows),
    xx: total(({ xx }) => xx),
    xy: total(({ xy }) => xy),
    yy: total(({ yy }) => yy),
    skip:
      others.length === 0 && first.skips !== undefined
        ? { meanD: first.sumD.map((sum) => sum / rows), xd: first.xd }
        : undefined,
  };
}
