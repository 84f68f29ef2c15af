/** Whether a device computes what WASM does: one pass of the model on both. */
import type { OpName, TensorType } from '@linnet/schema';
import type { ExecutableModel } from '../model/graph.js';
import { elementsOf, storageBytes } from '../model/storage.js';
import type { Engine } from './engine.js';
import type { HostValue } from './frame.js';

/** Outputs of a pass, and how long it took in milliseconds. */
export interface Pass {
  readonly outputs: readonly HostValue[];
  readonly milliseconds: number;
}

/** Runs the model's first entry point on inputs that are always the same. */
export async function pass(engine: Engine): Promise<Pass> {
  const inputs = engine.mainInputs.map((type, at) => ({ type, bytes: inputBytes(type, at) }));
  const began = performance.now();
  try {
    const outputs = await engine.executor.run(engine.mainGraph.index, inputs, {});
    return { outputs, milliseconds: performance.now() - began };
  } finally {
    engine.resetState();
  }
}

/** Reals between -1 and 1, bytes of any kind, and 0 for integers that may be indices. */
function inputBytes(type: TensorType, seed: number): Uint8Array {
  const bytes = new Uint8Array(storageBytes(type));
  const random = randomNumbers(seed);
  if (type.dtype === 'float32') {
    const elements = new Float32Array(bytes.buffer);
    for (let i = 0; i < elements.length; i++) elements[i] = random() / 2 ** 31 - 1;
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

/** The share of the largest magnitude by which reals, and steps by which bytes, may differ. */
const REAL_SHARE = 1e-2;
const BYTE_STEPS = 8;

/**
 * The share where activations are quantized as the model runs: those in the middle of two integers become
 * either, which may make others do the same in every layer after.
 */
const REQUANTIZED_SHARE = 1e-1;

const PRODUCTS: readonly OpName[] = ['FULLY_CONNECTED', 'CONV_2D', 'DEPTHWISE_CONV_2D'];

/** By how much of the largest magnitude real outputs of a model may differ. */
export function realShare({ graphs }: ExecutableModel): number {
  const requantizes = graphs.some(({ nodes, tensors }) =>
    nodes.some(({ op, inputs: [x, weights] }) => {
      const [from, by] = [x, weights].map((tensor) => tensors[tensor as number]?.type.dtype);
      return PRODUCTS.includes(op) && from === 'float32' && by === 'int8';
    }),
  );
  return requantizes ? REQUANTIZED_SHARE : REAL_SHARE;
}

/**
 * How the device's outputs differ from WASM's beyond rounding; null where they do not.
 *
 * @param share of the largest magnitude by which reals may differ
 */
export function disagreement(
  device: readonly HostValue[],
  host: readonly HostValue[],
  share: number,
): string | null {
  for (const [at, { type, bytes }] of host.entries()) {
    const other = device[at]?.bytes ?? new Uint8Array();
    const found = difference(type, other, bytes, share);
    if (found !== null) return `output ${at} ${found}`;
  }
  return null;
}

function difference(
  type: TensorType,
  device: Uint8Array,
  host: Uint8Array,
  share: number,
): string | null {
  const { dtype } = type;
  if (device.length !== host.length) return 'has another shape';
  // Other integers may be the place of the larger of two numbers that are almost equal.
  if (dtype !== 'float32' && dtype !== 'int8' && dtype !== 'uint8') return null;
  const [found, expected] = [elementsOf(dtype, device), elementsOf(dtype, host)] as Float32Array[];
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < (expected?.length ?? 0); i++) {
    const [a, b] = [found?.[i] as number, expected?.[i] as number];
    if (!Number.isFinite(b)) continue;
    if (!Number.isFinite(a)) return `has ${a} for ${b}`;
    largest = Math.max(largest, Math.abs(b));
    worst = Math.max(worst, Math.abs(a - b));
  }
  const allowed = dtype === 'float32' ? share * largest : BYTE_STEPS;
  return worst > allowed ? `is off by ${worst}, where values reach ${largest}` : null;
}
