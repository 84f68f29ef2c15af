/** Whether a device computes what WASM does: one pass of the model on both. */
import type { TensorType } from '@linnet/schema';
import { elementsOf, storageBytes } from '../model/storage.js';
import type { Engine } from './engine.js';
import type { RunContext } from './executor.js';
import type { HostValue } from './frame.js';

/** Outputs of a pass, and how long it took in milliseconds. */
export interface Pass {
  readonly outputs: readonly HostValue[];
  readonly milliseconds: number;
}

/**
 * Runs the model's first entry point on inputs that are always the same.
 *
 * @param context how; on an engine that nobody else uses, in turns
 * @param factor of real inputs
 */
export async function pass(engine: Engine, context: RunContext = {}, factor = 1): Promise<Pass> {
  const inputs = engine.mainInputs.map((type, at) => ({
    type,
    bytes: inputBytes(type, at, factor),
  }));
  const began = performance.now();
  try {
    const outputs = await engine.executor.run(engine.mainGraph.index, inputs, context);
    return { outputs, milliseconds: performance.now() - began };
  } finally {
    engine.resetState();
  }
}

/** Reals between -1 and 1 times `factor`, bytes of any kind, and 0 for integers that may be indices. */
function inputBytes(type: TensorType, seed: number, factor: number): Uint8Array {
  const bytes = new Uint8Array(storageBytes(type));
  const random = randomNumbers(seed);
  if (type.dtype === 'float32') {
    const elements = new Float32Array(bytes.buffer);
    for (let i = 0; i < elements.length; i++) {
      elements[i] = factor * Math.fround(random() / 2 ** 31 - 1);
    }
  } else if (type.dtype === 'int8' || type.dtype === 'uint8') {
    for (let i = 0; i < bytes.length; i++) bytes[i] = random() >>> 24;
  }
  return bytes;
}

/** Source: Marsaglia, "Xorshift RNGs", 2003. */
function randomNumbers(seed: number): () => number {
  let x = 2463534242 + seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

/**
 * Outputs of an engine for inputs that differ from those of `pass` in the last bits: how far the model
 * itself carries what is rounded otherwise. Where activations are quantized as it runs, one that
 * becomes another integer makes others do the same in each layer after.
 */
export async function nudged(engine: Engine): Promise<readonly (readonly HostValue[])[]> {
  const all: (readonly HostValue[])[] = [];
  for (const bits of NUDGED_BITS)
    all.push((await pass(engine, { inTurns: true }, 1 + 2 ** -bits)).outputs);
  return all;
}

const NUDGED_BITS = [22, 21, 20];

/** Shares of the largest magnitude by which reals, and steps by which bytes, may differ. */
const REAL_SHARE = 1e-2;
const BYTE_STEPS = 8;

/** How many times as far as nudges carry reals, and by which share of the largest at most, they may differ. */
const SPREADS = 4;
const MOST_SHARE = 0.25;

/**
 * How the device's outputs differ from WASM's beyond rounding; null where they do not.
 *
 * @param spread WASM's outputs for nudged inputs, where differences have to be seen beside those
 */
export function disagreement(
  device: readonly HostValue[],
  host: readonly HostValue[],
  spread: readonly (readonly HostValue[])[] = [],
): string | null {
  for (const [at, expected] of host.entries()) {
    // Other integers may be the place of the larger of two numbers that are almost equal.
    const { dtype } = expected.type;
    if (dtype !== 'float32' && dtype !== 'int8' && dtype !== 'uint8') continue;
    const [found, ...others] = [device, ...spread].map((outputs) =>
      difference(dtype, outputs[at]?.bytes, expected.bytes),
    ) as [Difference, ...Difference[]];
    const own = Math.max(0, ...others.map(({ worst }) => worst));
    const share = (part: number) => part * found.largest;
    const allowed =
      dtype === 'float32'
        ? Math.max(share(REAL_SHARE), Math.min(share(MOST_SHARE), SPREADS * own))
        : BYTE_STEPS;
    const problem =
      found.problem ??
      (found.worst > allowed
        ? `is off by ${found.worst}, where values reach ${found.largest}`
        : null);
    if (problem !== null) return `output ${at} ${problem}`;
  }
  return null;
}

interface Difference {
  /** By how much finite numbers differ at most, and how large those expected are. */
  readonly worst: number;
  readonly largest: number;
  /** What else is wrong. */
  readonly problem?: string;
}

function difference(
  dtype: 'float32' | 'int8' | 'uint8',
  found: Uint8Array | undefined,
  expected: Uint8Array,
): Difference {
  let [worst, largest] = [0, 0];
  if (found?.length !== expected.length) return { worst, largest, problem: 'has another shape' };
  const [actual, wanted] = [found, expected].map((bytes) => elementsOf(dtype, bytes)) as [
    Float32Array,
    Float32Array,
  ];
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [actual[i] as number, wanted[i] as number];
    if (!Number.isFinite(b)) continue;
    if (!Number.isFinite(a)) return { worst, largest, problem: `has ${a} for ${b}` };
    largest = Math.max(largest, Math.abs(b));
    worst = Math.max(worst, Math.abs(a - b));
  }
  return { worst, largest };
}
