/** Random sites of the ops that slide windows and multiply matrices, in every arithmetic. */
import {
  ActivationFunctionType as Activation,
  completeOptions,
  elementCount,
  type OpName,
  type OptionsOf,
  opRecord,
  Padding,
  type Quantization,
  type TensorType,
} from '@linnet/schema';
import type { Fused } from '../../../runtime-web/dist/plan/lowering.js';
import type { LoweredInput, LoweredSite } from './lowered.js';
import type { Random } from './random.js';

export const ARITHMETICS = ['float32', 'int8', 'uint8', 'hybrid'] as const;
export type Arithmetic = (typeof ARITHMETICS)[number];

const ACTIVATIONS = [Activation.NONE, Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1];

/** The last one makes results so large that nearly all saturate. */
const SCALES = [0.01, 0.02, 0.05, 1e-7];

/** Makes operands of one arithmetic. */
class Operands {
  constructor(
    readonly random: Random,
    readonly arithmetic: Arithmetic,
  ) {}

  get isFloat(): boolean {
    return this.arithmetic === 'float32' || this.arithmetic === 'hybrid';
  }

  input(shape: readonly number[]): LoweredInput {
    return this.isFloat
      ? this.#reals(shape, false)
      : this.#bytes(this.activationType(shape), false);
  }

  /** The quantization of inputs and outputs. */
  activationType(shape: readonly number[]): TensorType {
    const { arithmetic, random } = this;
    if (arithmetic === 'float32' || arithmetic === 'hybrid') return { dtype: 'float32', shape };
    const zero = arithmetic === 'int8' ? random.integer(-128, 127) : random.integer(0, 255);
    return { dtype: arithmetic, shape, quantization: affine([random.pick(SCALES)], [zero]) };
  }

  /** `axis` counts output channels, or is null where weights are quantized as a whole. */
  weights(shape: readonly number[], axis: number | null, isConstant = true): LoweredInput {
    const { arithmetic, random } = this;
    if (arithmetic === 'float32') return this.#reals(shape, isConstant);
    const channels = axis !== null && isConstant && arithmetic !== 'uint8' ? shape[axis]! : 1;
    const scale = Array.from({ length: channels }, () => 0.002 + 0.01 * random.next());
    const offset = arithmetic === 'uint8' ? 128 : 0;
    const zero = axis === null || arithmetic === 'uint8' ? offset + random.integer(-20, 20) : 0;
    const dtype = arithmetic === 'uint8' ? 'uint8' : 'int8';
    const quantization = affine(
      scale,
      scale.map(() => zero),
      axis ?? 0,
    );
    return this.#bytes({ dtype, shape, quantization }, isConstant);
  }

  bias(size: number, isConstant = true): LoweredInput | null {
    if (this.random.next() < 0.2) return null;
    if (this.isFloat) return this.#reals([size], isConstant);
    const elements = Int32Array.from({ length: size }, () => this.random.integer(-3000, 3000));
    return { type: { dtype: 'int32', shape: [size] }, elements, isConstant };
  }

  #reals(shape: readonly number[], isConstant: boolean): LoweredInput {
    const elements = Float32Array.from(
      { length: elementCount(shape)! },
      () => this.random.next() * 2 - 1,
    );
    return { type: { dtype: 'float32', shape }, elements, isConstant };
  }

  #bytes(type: TensorType, isConstant: boolean): LoweredInput {
    const length = elementCount(type.shape)!;
    const elements =
      type.dtype === 'int8'
        ? Int8Array.from({ length }, () => this.random.integer(-128, 127))
        : Uint8Array.from({ length }, () => this.random.integer(0, 255));
    return { type, elements, isConstant };
  }
}

function affine(scale: readonly number[], zeroPoint: readonly number[], axis = 0): Quantization {
  return {
    kind: 'affine',
    scale: Float32Array.from(scale),
    zeroPoint: Int32Array.from(zeroPoint),
    axis,
  };
}

/** Completes a site with the options' defaults and the output's type. */
function site<N extends OpName>(
  operands: Operands,
  op: N,
  inputs: readonly (LoweredInput | null)[],
  chosen: Partial<OptionsOf<N>>,
  fused: Fused = {},
): LoweredSite<N> {
  const record = opRecord(op);
  const options = completeOptions(op, chosen);
  const declared = operands.activationType([]);
  const [inferred] = record.infer({
    options,
    inputs: inputs.map((input) => input?.type ?? null),
    outputs: [declared],
    value: (index) => (inputs[index]?.isConstant ? inputs[index].elements : undefined),
  });
  return { op, options, fused, inputs, output: { ...declared, shape: inferred!.shape } };
}

type SiteMaker = (operands: Operands, random: Random) => LoweredSite<OpName>;

/** Sizes around the tiles of kernels: below, at and past them, and primes. */
const CHANNELS = [1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 24, 33];

function windowOptions(random: Random) {
  return {
    padding: random.pick([Padding.SAME, Padding.VALID]),
    strideH: random.integer(1, 3),
    strideW: random.integer(1, 3),
    fusedActivationFunction: random.pick(ACTIVATIONS),
  };
}

/** An image that a window with its dilation fits into. */
function image(
  random: Random,
  channels: number,
  window: readonly [number, number],
  dilation = 1,
): number[] {
  const size = (extent: number) => (extent - 1) * dilation + random.integer(1, 12);
  return [random.integer(1, 2), size(window[0]), size(window[1]), channels];
}

function window(random: Random): [number, number] {
  return random.pick([
    [1, 1],
    [3, 3],
    [5, 5],
    [1, 7],
    [2, 3],
  ]) as [number, number];
}

export const SITES: { readonly [name: string]: SiteMaker } = {
  CONV_2D(operands, random) {
    const groups = random.pick([1, 1, 1, 2, 3]);
    const depth = random.pick(CHANNELS);
    const outputs = groups * random.pick(CHANNELS);
    const size = window(random);
    const dilation = random.integer(1, 2);
    const isConstant = operands.arithmetic === 'hybrid' || random.next() < 0.8;
    return site(
      operands,
      'CONV_2D',
      [
        operands.input(image(random, groups * depth, size, dilation)),
        operands.weights([outputs, ...size, depth], 0, isConstant),
        operands.bias(outputs, isConstant),
      ],
      { ...windowOptions(random), dilationHFactor: dilation, dilationWFactor: dilation },
    ) as LoweredSite<OpName>;
  },
  /** Shapes for which minimal filtering pays in float32, cut tiles and channels among them. */
  'CONV_2D 3x3'(operands, random) {
    const [depth, outputs] = [random.pick([16, 24, 37]), random.pick([16, 29, 64])];
    const [height, width] = [random.integer(6, 14), random.integer(6, 14)];
    return site(
      operands,
      'CONV_2D',
      [
        operands.input([random.integer(1, 2), height, width, depth]),
        operands.weights([outputs, 3, 3, depth], 0),
        operands.bias(outputs),
      ],
      { ...windowOptions(random), strideH: 1, strideW: 1 },
    ) as LoweredSite<OpName>;
  },
  /** Rows of pixels: one, less than a tile, and more than a block of them; whole panels and primes. */
  'CONV_2D 1x1'(operands, random) {
    const [depth, outputs] = [random.pick([1, 16, 37, 128]), random.pick([8, 29, 64, 67])];
    const [height, width] = random.pick([
      [1, 1],
      [1, 5],
      [7, 7],
      [12, 13],
      [16, 24],
    ]);
    return site(
      operands,
      'CONV_2D',
      [
        operands.input([random.integer(1, 2), height!, width!, depth]),
        operands.weights([outputs, 1, 1, depth], 0),
        operands.bias(outputs),
      ],
      { ...windowOptions(random), strideH: 1, strideW: 1 },
    ) as LoweredSite<OpName>;
  },
  DEPTHWISE_CONV_2D(operands, random) {
    const channels = random.pick(CHANNELS);
    const multiplier = random.pick([1, 1, 1, 2, 9]);
    const size = window(random);
    const dilation = random.integer(1, 2);
    return site(
      operands,
      'DEPTHWISE_CONV_2D',
      [
        operands.input(image(random, channels, size, dilation)),
        operands.weights([1, ...size, channels * multiplier], 3),
        operands.bias(channels * multiplier),
      ],
      {
        ...windowOptions(random),
        depthMultiplier: multiplier,
        dilationHFactor: dilation,
        dilationWFactor: dilation,
      },
    ) as LoweredSite<OpName>;
  },
  TRANSPOSE_CONV(operands, random) {
    const [channels, outputs] = [random.pick(CHANNELS), random.pick(CHANNELS)];
    const size = window(random);
    const options = windowOptions(random);
    const [n, h, w] = image(random, channels, size) as [number, number, number];
    const reach = (input: number, stride: number, extent: number) =>
      options.padding === Padding.SAME ? input * stride : (input - 1) * stride + extent;
    const shape = [
      n,
      reach(h, options.strideH, size[0]),
      reach(w, options.strideW, size[1]),
      outputs,
    ];
    const output: LoweredInput = {
      type: { dtype: 'int32', shape: [4] },
      elements: Int32Array.from(shape),
      isConstant: true,
    };
    return site(
      operands,
      'TRANSPOSE_CONV',
      [
        output,
        operands.weights([outputs, ...size, channels], 0),
        operands.input([n, h, w, channels]),
        operands.bias(outputs),
      ],
      options,
    ) as LoweredSite<OpName>;
  },
  CONV_3D(operands, random) {
    const [channels, outputs] = [random.pick(CHANNELS), random.pick(CHANNELS)];
    const size = [random.integer(1, 3), ...window(random)];
    return site(
      operands,
      'CONV_3D',
      [
        operands.input([1, ...size.map((extent) => extent + random.integer(0, 4)), channels]),
        operands.weights([...size, channels, outputs], 4),
        operands.bias(outputs),
      ],
      { ...windowOptions(random), strideD: random.integer(1, 2) },
    ) as LoweredSite<OpName>;
  },
  FULLY_CONNECTED(operands, random) {
    const [depth, units] = [random.integer(1, 70), random.integer(1, 40)];
    const isConstant = operands.arithmetic === 'hybrid' || random.next() < 0.8;
    return site(
      operands,
      'FULLY_CONNECTED',
      [
        operands.input([random.integer(1, 3), random.integer(1, 7), depth]),
        operands.weights([units, depth], 0, isConstant),
        operands.bias(units, isConstant),
      ],
      {
        keepNumDims: random.pick([true, false]),
        fusedActivationFunction: random.pick(ACTIVATIONS),
      },
    ) as LoweredSite<OpName>;
  },
  BATCH_MATMUL(operands, random) {
    const [rows, depth, columns] = [1, 1, 1].map(() => random.integer(1, 21)) as [
      number,
      number,
      number,
    ];
    const [adjX, adjY] = [random.next() < 0.3, random.next() < 0.5];
    const [left, right] = random.pick<readonly [number[], number[]]>([
      [[], []],
      [[3], []],
      [
        [2, 3],
        [2, 3],
      ],
      [[2, 1], [3]],
      [[3], [2, 3]],
    ]);
    return site(
      operands,
      'BATCH_MATMUL',
      [
        operands.input([...left, ...(adjX ? [depth, rows] : [rows, depth])]),
        operands.weights(
          [...right, ...(adjY ? [columns, depth] : [depth, columns])],
          null,
          random.next() < 0.5,
        ),
      ],
      { adjX, adjY },
    ) as LoweredSite<OpName>;
  },
};

for (const op of ['AVERAGE_POOL_2D', 'MAX_POOL_2D', 'L2_POOL_2D'] as const) {
  (SITES as Record<string, SiteMaker>)[op] = (operands, random) => {
    const size = window(random);
    const input = operands.input(image(random, random.pick(CHANNELS), size));
    const made = site(operands, op, [input], {
      ...windowOptions(random),
      filterHeight: size[0],
      filterWidth: size[1],
    });
    return { ...made, output: { ...input.type, shape: made.output.shape } } as LoweredSite<OpName>;
  };
}

/** A random site of an op in an arithmetic. */
export function randomSite(
  op: string,
  arithmetic: Arithmetic,
  random: Random,
): LoweredSite<OpName> {
  return SITES[op]!(new Operands(random, arithmetic), random);
}
