import { invariant, type Model, type Operator, type Subgraph } from '@linnet/schema';
import { observe, ProbeGraph } from '../calibrate/index.js';
import { CrossMoments } from '../calibrate/observers/cross-moments.js';
import { type CalibrationOptions, openSamples } from '../calibrate/open-samples.js';
import { Dataset } from '../data/dataset.js';
import { toModel } from '../emit/index.js';
import type { Program } from '../graph/graph.js';
import type { Layer } from './layers.js';
import { withoutHeldBack } from './statistics.js';

/** Which of the samples are looked at. */
export type Seen = 'all' | 'but those held back';

/** Samples that a stage sees at most. */
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
 * Runs a program and what it was made from side by side, and gathers what some layers' weights meet in
 * both.
 *
 * @param original the model of the program before any of its constants changed
 * @param seen whether to look at all samples, or to leave out those that are held back
 */
export async function observeTwins(
  program: Program,
  original: Model,
  layers: readonly Layer[],
  calibration: CalibrationOptions,
  seen: Seen,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Layer, TwinStatistics>> {
  const current = toModel(program);
  const moments = new Map<Layer, CrossMoments[]>(layers.map((layer) => [layer, []]));
  for (const signature of program.signatures) {
    const index = program.graphs.indexOf(signature.graph);
    const { model, twinOf, twinTensor } = sideBySide(current, original, index);
    const order = new Map([...signature.graph.nodes].map(({ id }, position) => [id, position]));
    const observers = layers.flatMap((layer) =>
      layer.sites
        .filter((site) => site.graph === signature.graph)
        .map(({ node }) => {
          const position = order.get(node.id)!;
          const skip = skipOf(current.subgraphs[index]!, position);
          const skips = skip === undefined ? undefined : ([skip, twinTensor(skip)] as const);
          const observer = new CrossMoments([position, twinOf(position)], skips);
          moments.get(layer)!.push(observer);
          return observer;
        }),
    );
    if (observers.length === 0) continue;
    const all = await openSamples(calibration, signature);
    const samples = seen === 'all' ? Dataset.from(all) : withoutHeldBack(all, []);
    await observe(new ProbeGraph(model, signature.key), samples.take(SAMPLES), observers, {
      threads: calibration.threads ?? 1,
      ...(signal && { signal }),
    });
  }
  return new Map(layers.map((layer) => [layer, merged(moments.get(layer)!)]));
}

/** A model that computes what two of the same structure do from the same inputs. */
function sideBySide(
  first: Model,
  second: Model,
  index: number,
): {
  readonly model: Model;
  readonly twinOf: (node: number) => number;
  readonly twinTensor: (tensor: number) => number;
} {
  const [own, other] = [first, second].map(({ subgraphs }) => subgraphs[index]) as [
    Subgraph,
    Subgraph,
  ];
  const shared = new Set(own.inputs);
  const twin = (tensor: number) =>
    tensor < 0 || shared.has(tensor) ? tensor : tensor + own.tensors.length;
  const operators = other.operators.map(
    (node): Operator => ({
      ...node,
      inputs: node.inputs.map(twin),
      outputs: node.outputs.map(twin),
      ...(node.intermediates && { intermediates: node.intermediates.map(twin) }),
    }),
  );
  const subgraph: Subgraph = {
    ...own,
    tensors: [...own.tensors, ...other.tensors],
    operators: [...own.operators, ...operators],
  };
  return {
    model: {
      ...first,
      subgraphs: first.subgraphs.map((old) => (old === own ? subgraph : old)),
    },
    twinOf: (node) => node + own.operators.length,
    twinTensor: twin,
  };
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
  const [first] = moments;
  invariant(first !== undefined, 'a layer is observed at its nodes');
  const rows = moments.reduce((sum, one) => sum + one.rows, 0);
  const total = (of: (one: CrossMoments) => Float64Array) =>
    of(first).map((_, i) => moments.reduce((sum, one) => sum + of(one)[i]!, 0));
  return {
    rows,
    meanX: total(({ sumX }) => sumX).map((sum) => sum / rows),
    meanY: total(({ sumY }) => sumY).map((sum) => sum / rows),
    xx: total(({ xx }) => xx),
    xy: total(({ xy }) => xy),
    yy: total(({ yy }) => yy),
    skip:
      moments.length === 1 && first.skips !== undefined
        ? { meanD: first.sumD.map((sum) => sum / rows), xd: first.xd }
        : undefined,
  };
}
