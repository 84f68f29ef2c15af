/** Fusions that only a planner can make: the results are no longer what a file can say. */
import { ActivationFunctionType, type OpName, Padding } from '@linnet/schema';
import type { Fused } from './lowering.js';
import type { Step, TensorTable, Uses } from './step.js';
import { sameElements } from './types.js';

/** A step that takes the place of another, which makes a third superfluous. */
interface Fusion {
  readonly replaces: Step;
  readonly by: Step;
  readonly drops: Step;
}

interface View {
  readonly tensors: TensorTable;
  /** The step of this stage that writes a tensor. */
  producer(tensor: number): Step | undefined;
  /** Whether nothing but one node reads a tensor. */
  hasOneReader(tensor: number): boolean;
  /** Whether whatever may run a step knows how, with all that is fused into it. */
  accepts(step: Step): boolean;
}

type Rule = (step: Step, view: View) => Fusion | null;

const ACTIVATIONS: { readonly [N in OpName]?: ActivationFunctionType } = {
  RELU: ActivationFunctionType.RELU,
  RELU6: ActivationFunctionType.RELU6,
  RELU_N1_TO_1: ActivationFunctionType.RELU_N1_TO_1,
};

/** producer -> activation becomes the producer with the activation fused. */
const fuseActivation: Rule = (step, view) => {
  const activation = ACTIVATIONS[step.node.op];
  if (activation === undefined) return null;
  const [input, output] = [step.node.inputs[0] as number, step.node.outputs[0] as number];
  const producer = view.producer(input);
  if (producer === undefined || !view.hasOneReader(input)) return null;
  const { options } = producer.node;
  const isFree =
    'fusedActivationFunction' in options &&
    options.fusedActivationFunction === ActivationFunctionType.NONE &&
    producer.fused.activation === undefined;
  if (!isFree || producer.node.outputs.length !== 1) return null;
  if (!sameElements(view.tensors.type(input), view.tensors.type(output))) return null;
  return {
    replaces: producer,
    by: {
      node: { ...producer.node, outputs: [output] },
      fused: { ...producer.fused, activation },
    },
    drops: step,
  };
};

/** PAD of height and width by zeros -> VALID convolution becomes explicit padding. */
const fusePadding: Rule = (step, view) => {
  const { node } = step;
  if (node.op !== 'CONV_2D' && node.op !== 'DEPTHWISE_CONV_2D') return null;
  if (node.options.padding !== Padding.VALID || step.fused.padding !== undefined) return null;
  const padded = node.inputs[0] as number;
  const pad = view.producer(padded);
  if (pad?.node.op !== 'PAD' || !view.hasOneReader(padded)) return null;
  const [input, amounts] = pad.node.inputs as readonly [number, number];
  if (!sameElements(view.tensors.type(input), view.tensors.type(padded))) return null;
  const padding = spatialPadding(view.tensors.known(amounts)?.elements);
  if (padding === null) return null;
  return {
    replaces: step,
    by: {
      node: { ...node, inputs: [input, ...node.inputs.slice(1)] },
      fused: { ...step.fused, padding },
    },
    drops: pad,
  };
};

/** The paddings of an NHWC tensor, [[0, 0], [top, bottom], [left, right], [0, 0]]. */
function spatialPadding(amounts: ArrayLike<number | bigint> | undefined): Fused['padding'] | null {
  if (amounts?.length !== 8) return null;
  const values = Array.from(amounts, Number) as [number, number, number, number, ...number[]];
  if ([0, 1, 6, 7].some((index) => values[index] !== 0)) return null;
  if (values.some((value) => value < 0)) return null;
  const [top, bottom, left, right] = values.slice(2, 6) as [number, number, number, number];
  return { top, bottom, left, right };
}

/** CONV_2D -> DEPTHWISE_CONV_2D becomes one node, so that not all between is there at a time. */
const fuseExpansion: Rule = (step, view) => {
  const { node, fused } = step;
  if (node.op !== 'DEPTHWISE_CONV_2D' || fused.expansion !== undefined) return null;
  const between = node.inputs[0] as number;
  const producer = view.producer(between);
  if (producer?.node.op !== 'CONV_2D' || !view.hasOneReader(between)) return null;
  const { options, inputs } = producer.node;
  const [input, weights, bias = -1] = inputs as readonly [number, number, ...number[]];
  const [, ownWeights, ownBias = -1] = node.inputs as readonly [number, number, ...number[]];
  const by: Step = {
    node: { ...node, inputs: [input, ownWeights, ownBias, weights, bias] },
    fused: {
      ...fused,
      expansion: {
        node: { name: producer.node.name, op: producer.node.op },
        type: view.tensors.type(between),
        options,
        activation: producer.fused.activation ?? options.fusedActivationFunction,
      },
    },
  };
  const isPadded = producer.fused.padding !== undefined;
  return isPadded || !view.accepts(by) ? null : { replaces: step, by, drops: producer };
};

const RULES: readonly Rule[] = [fusePadding, fuseExpansion, fuseActivation];

/** The steps after every fusion that applies; `accepts` as in View. */
export function fuse(
  steps: readonly Step[],
  tensors: TensorTable,
  uses: Uses,
  accepts: View['accepts'],
): readonly Step[] {
  const kept = new Set(steps);
  const order = [...steps];
  const positions = new Map(steps.map((step, position) => [step, position]));
  const producers = new Map<number, Step>();
  const enter = (step: Step) => {
    for (const output of step.node.outputs) producers.set(output, step);
  };
  for (const step of steps) enter(step);
  const view: View = {
    tensors,
    producer: (tensor) => producers.get(tensor),
    hasOneReader: (tensor) => uses.count(tensor) === 1,
    accepts,
  };
  for (const original of steps) {
    let step = original;
    for (const rule of RULES) {
      const fusion = kept.has(step) ? rule(step, view) : null;
      if (fusion === null) continue;
      const position = positions.get(fusion.replaces) as number;
      positions.set(fusion.by, position);
      order[position] = fusion.by;
      kept.delete(fusion.drops);
      kept.delete(fusion.replaces);
      kept.add(fusion.by);
      enter(fusion.by);
      if (fusion.replaces === step) step = fusion.by;
    }
  }
  return order.filter((step) => kept.has(step));
}
