import { UNKNOWN_DIM } from '@linnet/schema';
import type { Graph, Node, Program, TensorId } from '../../graph/graph.js';
import type { Layer } from '../layers.js';
import { ChannelClasses, type ClassId } from './classes.js';
import { CHANNEL_RULES, type ChannelRule } from './rules.js';

/** A dimension of a tensor, by the channel at each of its indices. */
export interface Labelled {
  readonly graph: Graph;
  readonly tensor: TensorId;
  readonly axis: number;
  readonly channels: readonly number[];
}

/** The channels that the rows and the columns of a layer's weights belong to. */
export interface LayerChannels {
  readonly layer: Layer;
  readonly rows: readonly ClassId[];
  readonly columns: readonly ClassId[];
}

/**
 * Which channels of a program's tensors, the indices of their last dimensions, are the same as others: a
 * channel can go where nothing but weights that are summed over knows of it.
 */
export class ChannelMap {
  readonly classes = new ChannelClasses();
  readonly #labelled = new Map<Graph, Map<string, Labelled>>();

  constructor(program: Program, layers: readonly Layer[]) {
    const weighted = new Set(layers.flatMap(({ sites }) => sites.map(({ node }) => node)));
    for (const graph of new Set(program.signatures.map((signature) => signature.graph))) {
      for (const id of graph.inputs) this.classes.keep(this.of(graph, id));
      for (const node of graph.nodes) {
        (CHANNEL_RULES[node.op] as ChannelRule)(
          new ChannelSite(this, graph, node, weighted.has(node)),
        );
      }
      for (const id of graph.outputs) this.classes.keep(this.of(graph, id));
    }
    // Weights that several nodes share are cut as one.
    for (const { sites } of layers) {
      const [first, ...others] = sites;
      for (const { graph, weights } of others) {
        for (const axis of graph.tensor(weights).shape.keys()) {
          this.classes.join(
            this.axis(first!.graph, first!.weights, axis),
            this.axis(graph, weights, axis),
          );
        }
      }
    }
  }

  /** All dimensions that have channels. */
  get labelled(): readonly Labelled[] {
    return [...this.#labelled.values()].flatMap((axes) => [...axes.values()]);
  }

  /** The channels of a tensor's last dimension; none where its size is not known. */
  of(graph: Graph, id: TensorId): readonly number[] {
    const { shape } = graph.tensor(id);
    return shape.length === 0 ? [] : this.axis(graph, id, shape.length - 1);
  }

  axis(graph: Graph, tensor: TensorId, axis: number): readonly number[] {
    const axes = this.#axesOf(graph);
    const key = `${tensor}:${axis}`;
    const known = axes.get(key);
    if (known !== undefined) return known.channels;
    const { shape, isVariable } = graph.tensor(tensor);
    const size = shape[axis]!;
    const channels = this.classes.fresh(size === UNKNOWN_DIM ? 0 : size);
    if (isVariable) this.classes.keep(channels);
    axes.set(key, { graph, tensor, axis, channels });
    return channels;
  }

  /** The classes of a layer's rows and columns. */
  ofLayer(layer: Layer): LayerChannels {
    const { graph, weights } = layer.sites[0]!;
    const { shape } = graph.tensor(weights);
    const find = (channel: number) => this.classes.find(channel);
    const columns = this.axis(graph, weights, shape.length - 1).map(find);
    return {
      layer,
      rows: this.axis(graph, weights, 0).map(find),
      columns: Array.from({ length: layer.columns }, (_, i) => columns[i % columns.length]!),
    };
  }

  #axesOf(graph: Graph): Map<string, Labelled> {
    const known = this.#labelled.get(graph);
    if (known !== undefined) return known;
    const axes = new Map<string, Labelled>();
    this.#labelled.set(graph, axes);
    return axes;
  }
}

/** A node as a rule sees it. */
export class ChannelSite {
  constructor(
    readonly map: ChannelMap,
    readonly graph: Graph,
    readonly node: Node,
    /** Whether its weights are a layer's: constants that are nothing but weights. */
    readonly isLayer: boolean,
  ) {}

  get classes(): ChannelClasses {
    return this.map.classes;
  }

  /** The shape of an input; undefined where it is left out. */
  shape(input: number): readonly number[] | undefined {
    const id = this.node.inputs[input];
    return id == null ? undefined : this.graph.tensor(id).shape;
  }

  outputShape(output = 0): readonly number[] {
    return this.graph.tensor(this.node.outputs[output]!).shape;
  }

  /** The channels of an input's dimension, the last one if not said. */
  input(input: number, axis = (this.shape(input)?.length ?? 0) - 1): readonly number[] {
    const id = this.node.inputs[input];
    return id == null || axis < 0 ? [] : this.map.axis(this.graph, id, axis);
  }

  output(output = 0): readonly number[] {
    return this.map.of(this.graph, this.node.outputs[output]!);
  }
}
