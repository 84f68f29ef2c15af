import { type Model as LoadedModel, loadModel, type TensorInput } from '@linnet/runtime-web';
import { LinnetError, type NamedTensor, type Tensor } from '@linnet/schema';
import type { ProbeGraph } from '../calibrate/index.js';
import type { Sample } from '../data/index.js';
import type { ArrayValue } from '../entry-point.js';
import type { TensorValue } from '../reference/kernel.js';
import { fromReals, reals } from '../reference/values.js';
import type { Outputs } from './metric.js';

/** What a run of a probed model gives. */
export interface ProbedRun {
  /** The model's own outputs; quantized ones as the float32 numbers that they stand for. */
  readonly outputs: Outputs;
  /** The probed tensors as they are stored, in the order in which they were asked for. */
  readonly tensors: readonly TensorValue[];
}

/** A loaded model of which inner tensors come out beside its outputs. */
export class ProbedModel implements Disposable {
  private constructor(
    readonly model: LoadedModel,
    readonly graph: ProbeGraph,
    readonly probed: readonly number[],
    readonly names: readonly string[],
  ) {}

  /**
   * @param tensors indices in the graph
   * @throws LinnetError as loadModel does
   */
  static async load(
    graph: ProbeGraph,
    tensors: readonly number[],
    options: { readonly threads: number; readonly signal: AbortSignal | undefined },
  ): Promise<ProbedModel> {
    const probed = [...graph.signature.outputs.map(({ tensor }) => tensor), ...tensors];
    const { bytes, names } = graph.finish(probed);
    return new ProbedModel(await loadModel(bytes, options), graph, probed, names);
  }

  /**
   * @param names of the inputs in the sample, in the order of the model's own
   * @throws LinnetError as Model.run does
   */
  async run(
    sample: Sample,
    names: readonly NamedTensor[],
    signal: AbortSignal | undefined,
  ): Promise<ProbedRun> {
    const results = await this.model.run(this.#inputs(sample, names), { signal });
    const values = this.probed.map((tensor, i): TensorValue => {
      const { dtype, shape, data } = results[this.names[i] as string] as ArrayValue;
      const { quantization } = this.graph.tensor(tensor);
      return { dtype, shape, elements: data, ...(quantization && { quantization }) };
    });
    const { outputs } = this.graph.signature;
    return {
      outputs: Object.fromEntries(
        outputs.map(({ name }, i) => [name, toArray(values[i] as TensorValue)]),
      ),
      tensors: values.slice(outputs.length),
    };
  }

  #inputs(sample: Sample, names: readonly NamedTensor[]): Record<string, TensorInput> {
    const { inputs } = this.graph.signature;
    const isNamedAlike = names.every(({ name }) => inputs.some((input) => input.name === name));
    return Object.fromEntries(
      inputs.map(({ name, tensor }, i) => {
        const value = sample[isNamedAlike ? name : (names[i]?.name ?? name)];
        if (value === undefined) {
          throw new LinnetError('INVALID_ARGUMENT', `there is no value for the input ${name}`);
        }
        return [name, toInput(value, this.graph.tensor(tensor))];
      }),
    );
  }

  [Symbol.dispose](): void {
    this.model.dispose();
  }
}

function toArray(value: TensorValue): ArrayValue {
  const { dtype, shape, elements: data, quantization } = value;
  if (quantization === undefined && dtype !== 'float16') return { dtype, shape, data };
  return { dtype: 'float32', shape, data: Float32Array.from(reals(value)) };
}

/** A value in the element type of an input, rounded to its steps where that is quantized. */
function toInput({ dtype, shape, data }: ArrayValue, type: Tensor): TensorInput {
  const value =
    dtype === type.dtype || type.quantization === undefined
      ? { dtype, shape, data }
      : {
          dtype: type.dtype,
          shape,
          data: fromReals({ ...type, shape }, reals({ dtype, shape, elements: data })).elements,
        };
  return value as TensorInput;
}
