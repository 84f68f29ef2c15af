import { invariant } from '@linnet/schema';
import { floats } from '../passes/match.js';
import { type Layer, setFloats } from './layers.js';
import {
  centredGrams,
  type LayerMethod,
  methodFor,
  type PruneMethod,
  type PruneMethodChoice,
  weightedError,
} from './method.js';
import type { Pattern } from './pattern.js';
import type { PrunedLayer } from './result.js';
import { Retargeting } from './retargeting.js';
import type { Effort, PrunedWeights } from './second-order.js';
import type { InputStatistics } from './statistics.js';
import type { TwinStatistics } from './twin.js';

/** What a layer has become. */
export interface LayerState {
  readonly weights: Float32Array;
  readonly bias: Float32Array | undefined;
  /** The relative error of its outputs, where it is not the one on the layer's first inputs. */
  readonly error: number | null;
}

/** A layer of a program that can be pruned to any degree, and back. */
export class PrunableLayer {
  readonly #method: LayerMethod;
  readonly #bias: Float32Array | undefined;
  readonly #pattern: Pattern;
  #state: LayerState;

  constructor(
    readonly layer: Layer,
    pattern: Pattern,
    choice: PruneMethodChoice,
    readonly statistics: InputStatistics | undefined,
  ) {
    this.#pattern = pattern;
    this.#method = methodFor(choice, layer, pattern, statistics);
    this.#bias = layer.bias && floats(layer.bias.graph, layer.bias.id)!.slice();
    this.#state = { weights: layer.weights, bias: this.#bias, error: null };
  }

  get method(): PruneMethod {
    return this.#method.name;
  }

  /** The sum of the squares of the weights. */
  get energy(): number {
    return this.layer.weights.reduce((sum, weight) => sum + weight ** 2, 0) || 1;
  }

  get zeros(): number {
    return this.#state.weights.reduce((sum, weight) => sum + (weight === 0 ? 1 : 0), 0);
  }

  /** How many weights a degree of sparsity removes. */
  count(sparsity: number): number {
    return this.#method.ranking.count(sparsity);
  }

  /** What is lost with `count` weights, in the method's own measure. */
  loss(count: number): number {
    return this.#method.ranking.loss(count);
  }

  /** As `apply`, but makes up for what pruning the layers before it has done to its inputs. */
  async applyTo(twin: TwinStatistics, count: number): Promise<void> {
    const target = new Retargeting(this.layer, twin);
    const { weights } = await target.method(this.#pattern).prune(count, 'final');
    this.#take(target, weights, null);
  }

  /** Fits the weights that are not zero to what the layers before it have become. */
  async fit(twin: TwinStatistics): Promise<void> {
    const target = new Retargeting(this.layer, twin);
    const weights = await target.fitted(this.#state.weights);
    this.#take(target, weights, target.error(weights));
  }

  /** Fits the weights of the columns that are left to what the layers before it have become. */
  refit(twin: TwinStatistics, kept: readonly number[]): void {
    const target = new Retargeting(this.layer, twin);
    const weights = target.refit(this.#state.weights, kept);
    this.#take(target, weights, target.error(weights));
  }

  #take(target: Retargeting, weights: Float32Array, error: number | null): void {
    const bias = this.#bias && target.bias(this.#bias, weights);
    this.restore({ weights, bias, error });
  }

  /** Whether `applyTo` can be told what it has to know. */
  get isRetargetable(): boolean {
    return this.#method.name === 'obs';
  }

  /**
   * As `applyWeights`, with `count` of the weights zero.
   *
   * @returns the squared error of the outputs, in the method's own measure
   */
  async apply(count: number, effort: Effort = 'final'): Promise<number> {
    const { weights, error } = await this.#pruned(count, effort);
    this.applyWeights(weights);
    return error;
  }

  /** Gives the program other weights, and a bias that keeps the outputs' means. */
  applyWeights(pruned: Float32Array): void {
    const { layer, statistics } = this;
    const bias = this.#bias?.map((value, row) => {
      if (statistics === undefined) return value;
      const { rows, columns, groups, weights } = layer;
      const group = Math.floor((row * groups) / rows);
      let lost = 0;
      for (let i = 0; i < columns; i++) {
        const at = row * columns + i;
        lost += (weights[at]! - pruned[at]!) * statistics.mean[group * columns + i]!;
      }
      return value + lost;
    });
    this.restore({ weights: pruned, bias, error: null });
  }

  get state(): LayerState {
    return this.#state;
  }

  /** Gives the program what the layer was before. */
  restore(state: LayerState): void {
    const { layer } = this;
    this.#state = state;
    for (const { graph, weights } of layer.sites) setFloats(graph, weights, state.weights);
    if (layer.bias !== undefined && state.bias !== undefined) {
      setFloats(layer.bias.graph, layer.bias.id, state.bias);
    }
  }

  report(): PrunedLayer {
    const { layer } = this;
    const [site] = layer.sites;
    invariant(site !== undefined, 'a layer has a node');
    return {
      node: layer.name,
      op: site.node.op,
      shape: site.graph.tensor(site.weights).shape,
      method: this.#method.name,
      sparsity: this.zeros / layer.weights.length,
      error: this.relativeError,
    };
  }

  async #pruned(count: number, effort: Effort): Promise<PrunedWeights> {
    if (count === 0) return { weights: this.layer.weights, error: 0 };
    return this.#method.prune(count, effort);
  }

  /** The squared error of the layer's outputs relative to their squares; without samples, of the weights. */
  get relativeError(): number {
    const { layer, statistics } = this;
    if (this.#state.error !== null) return this.#state.error;
    const nothing = new Float32Array(layer.weights.length);
    if (statistics?.gram != null) {
      const grams = centredGrams(layer, statistics);
      const energy = weightedError(layer, grams, nothing);
      return energy > 0 ? weightedError(layer, grams, this.#state.weights) / energy : 0;
    }
    const { columns, groups, weights } = layer;
    const ofGroup = weights.length / groups;
    let [error, energy] = [0, 0];
    for (const [at, weight] of weights.entries()) {
      const input = Math.floor(at / ofGroup) * columns + (at % columns);
      const square = statistics === undefined ? 1 : statistics.squares[input]!;
      error += (weight - this.#state.weights[at]!) ** 2 * square;
      energy += weight ** 2 * square;
    }
    return energy > 0 ? error / energy : 0;
  }
}
