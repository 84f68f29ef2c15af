import { loadModel, type TensorInput, type TensorOutput } from '@linnet/runtime-web';
import type { OpName } from '@linnet/schema';
import type { Sample } from '../data/sample.js';
import { emit } from '../emit/index.js';
import type { Graph, Program } from '../graph/graph.js';

type Outputs = readonly ArrayLike<number | bigint>[];

/** Ops that squeeze scores into probabilities, in which errors of sure answers do not show. */
const SQUEEZES: readonly OpName[] = ['SOFTMAX', 'LOG_SOFTMAX', 'LOGISTIC'];

/**
 * How far a changed program's outputs are from the ones it had, on samples that were held back. Scores
 * that become probabilities last are compared as scores.
 */
export class HeldBack {
  #reference: readonly Outputs[] = [];

  private constructor(
    readonly program: Program,
    readonly samples: ReadonlyMap<Graph, readonly Sample[]>,
    readonly threads: number,
  ) {}

  /** Takes the outputs of a program as they are now for what they should be. */
  static async of(
    program: Program,
    samples: ReadonlyMap<Graph, readonly Sample[]>,
    threads: number,
  ): Promise<HeldBack> {
    const held = new HeldBack(program, samples, threads);
    held.#reference = await held.#run();
    return held;
  }

  /** The mean over all outputs of all samples of |y - y0|^2 / |y0|^2. */
  async error(): Promise<number> {
    const outputs = await this.#run();
    let sum = 0;
    let count = 0;
    outputs.forEach((values, index) => {
      values.forEach((value, output) => {
        sum += relativeError(value, this.#reference[index]![output]!);
        count++;
      });
    });
    return count === 0 ? 0 : sum / count;
  }

  async #run(): Promise<readonly Outputs[]> {
    const model = await loadModel(withScores(this.program), { threads: this.threads });
    const all: Outputs[] = [];
    try {
      for (const { graph, key } of this.program.signatures) {
        for (const sample of this.samples.get(graph) ?? []) {
          const outputs = await model.run(sample as Record<string, TensorInput>, {
            signature: key,
          });
          all.push(judged(Object.values(outputs)));
        }
      }
    } finally {
      model.dispose();
    }
    return all;
  }
}

/** What of the outputs can be a little off: real numbers, unless there are none. Others name things. */
function judged(outputs: readonly TensorOutput[]): Outputs {
  const real = outputs.filter(({ dtype }) => dtype === 'float32' || dtype === 'float16');
  return (real.length > 0 ? real : outputs).map(({ data }) => data as ArrayLike<number | bigint>);
}

/** The program as a file that gives scores. */
function withScores(program: Program): Uint8Array {
  const outputs = program.graphs.map((graph) => graph.outputs);
  for (const { graph } of program.signatures) {
    graph.outputs = graph.outputs.map((id) => {
      const producer = graph.producer(id);
      return producer && SQUEEZES.includes(producer.op) ? producer.inputs[0]! : id;
    });
  }
  try {
    return emit(program);
  } finally {
    program.graphs.forEach((graph, index) => {
      graph.outputs = outputs[index]!;
    });
  }
}

function relativeError(
  values: ArrayLike<number | bigint>,
  reference: ArrayLike<number | bigint>,
): number {
  let [error, energy] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    const meant = Number(reference[i]);
    error += (Number(values[i]) - meant) ** 2;
    energy += meant ** 2;
  }
  return energy > 0 ? error / energy : error > 0 ? 1 : 0;
}
