import { invariant, type Model, type Operator, type Subgraph } from '@linnet/schema';
import { observe, ProbeGraph } from '../calibrate/index.js';
import { CrossMoments } from '../calibrate/observers/cross-moments.js';
import { type CalibrationOptions, openSamples } from '../calibrate/open-samples.js';
import { toModel } from '../emit/index.js';
import type { Program } from '../graph/graph.js';
import type { Layer } from './layers.js';
import { withoutHeldBack } from './statistics.js';

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
}

/**
 * Runs a program and what it was made from side by side, and gathers what some layers' weights meet in
 * both.
 *
 * @param original the model of the program before any of its constants changed
 */
export async function observeTwins(
  program: Program,
  original: Model,
  layers: readonly Layer[],
  calibration: CalibrationOptions,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Layer, TwinStatistics>> {
  const current = toModel(program);
  const moments = new Map<Layer, CrossMoments[]>(layers.map((layer) => [layer, []]));
  for (const signature of program.signatures) {
    const index = program.graphs.indexOf(signature.graph);
    const { model, twinOf } = sideBySide(current, original, index);
    const order = new Map([...signature.graph.nodes].map(({ id }, position) => [id, position]));
    const observers = layers.flatMap((layer) =>
      layer.sites
        .filter((site) => site.graph === signature.graph)
        .map(({ node }) => {
          const position = order.get(node.id)!;
          const observer = new CrossMoments([position, twinOf(position)]);
          moments.get(layer)!.push(observer);
          return observer;
        }),
    );
    if (observers.length === 0) continue;
    const samples = withoutHeldBack(await openSamples(calibration, signature), []);
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
): { readonly model: Model; readonly twinOf: (node: number) => number } {
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
  };
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
  };
}
