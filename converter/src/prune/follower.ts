import type { Program } from '../graph/graph.js';
import { floats } from '../passes/match.js';
import { biasOf, type Layer, type Site, setFloats } from './layers.js';
import type { Told } from './propagate.js';
import { Retargeting } from './retargeting.js';
import type { TwinStatistics } from './twin.js';

/** What a follower has become. */
interface FollowerState {
  /** As a layer's: [outputs, window]. */
  readonly weights: Float32Array;
  readonly bias: Float32Array | undefined;
}

/**
 * A depthwise convolution. It has too few weights to be pruned, but makes up for what the pruned layers
 * before it have done to its inputs, channel by channel.
 */
export class Follower implements Told {
  readonly #original: FollowerState;

  private constructor(readonly layer: Layer) {
    const { bias, weights } = layer;
    this.#original = { weights, bias: bias && floats(bias.graph, bias.id)!.slice() };
  }

  /** All of a program's. */
  static in(program: Program): readonly Follower[] {
    const graphs = new Set(program.signatures.map((signature) => signature.graph));
    return [...graphs].flatMap((graph) =>
      [...graph.nodes].flatMap((node) => {
        const weights = node.inputs[1];
        if (node.op !== 'DEPTHWISE_CONV_2D' || weights == null) return [];
        const layer = layerOf({ graph, node, weights });
        return layer ? [new Follower(layer)] : [];
      }),
    );
  }

  /** Fits the weights and the bias to the inputs as they are. */
  async tell(twin: TwinStatistics): Promise<void> {
    const target = new Retargeting(this.layer, twin);
    const weights = target.weights();
    const { bias } = this.#original;
    this.#take({ weights, bias: bias && target.bias(bias, weights) });
  }

  /** Gives the program what it had at first. */
  reset(): void {
    this.#take(this.#original);
  }

  #take(state: FollowerState): void {
    const { bias, columns, rows, sites } = this.layer;
    const [{ graph, weights }] = sites as readonly [Site];
    setFloats(graph, weights, transposed(state.weights, rows, columns));
    if (bias !== undefined && state.bias !== undefined) setFloats(bias.graph, bias.id, state.bias);
  }
}

/** Weights that are stored as [1, height, width, outputs] and that nothing else reads. */
function layerOf(site: Site): Layer | undefined {
  const { graph, node, weights } = site;
  const stored = floats(graph, weights);
  if (stored === undefined || graph.consumers(weights).length > 1 || graph.isOutput(weights)) {
    return undefined;
  }
  const rows = graph.tensor(weights).shape.at(-1)!;
  const columns = stored.length / rows;
  return {
    name: node.name,
    sites: [site],
    weights: transposed(stored, columns, rows),
    rows,
    columns,
    groups: graph.tensor(node.inputs[0]!).shape.at(-1)!,
    bias: biasOf(site),
  };
}

/** A matrix [rows, columns] as [columns, rows]. */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  return values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)]!);
}
