import type { Observer } from '../observer.js';
import type { ProbeGraph } from '../probe-graph.js';

/** Per-channel statistics of one tensor: what bias correction and equalization go by. */
export class ChannelObserver implements Observer {
  /** Extremes of each index of the last dimension; empty before the first run. */
  min = new Float32Array();
  max = new Float32Array();
  #sums = new Float64Array();
  #runs = 0;

  /** @param tensor index of a floating-point tensor of the model, of rank 1 or more with known channels */
  constructor(readonly tensor: number) {}

  /** The mean over runs of each run's mean. */
  get mean(): Float64Array {
    return this.#sums.map((sum) => sum / this.#runs);
  }

  probe(graph: ProbeGraph): readonly number[] {
    const { shape } = graph.tensor(this.tensor);
    const channels = shape.slice(-1);
    const axes = graph.integers(shape.slice(1).map((_, axis) => axis));
    const values = graph.real(this.tensor);
    return (['REDUCE_MIN', 'REDUCE_MAX', 'MEAN'] as const).map((op) =>
      graph.op(op, [values, axes], { keepDims: false }, channels),
    );
  }

  update([min, max, mean]: readonly [Float32Array, Float32Array, Float32Array]): void {
    if (this.#runs++ === 0) {
      this.min = min.slice();
      this.max = max.slice();
      this.#sums = new Float64Array(mean.length);
    }
    for (let i = 0; i < mean.length; i++) {
      this.min[i] = Math.min(this.min[i] as number, min[i] as number);
      this.max[i] = Math.max(this.max[i] as number, max[i] as number);
      this.#sums[i] = (this.#sums[i] as number) + (mean[i] as number);
    }
  }
}
