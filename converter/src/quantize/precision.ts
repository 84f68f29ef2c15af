import type { OpName } from '@linnet/schema';
import type { Graph, NodeId } from '../graph/graph.js';
import type { WeightDType } from './affine.js';
import type { ActivationDType } from './ranges.js';

/** What numbers a node reads and computes with. */
export interface NodeStorage {
  readonly weights: WeightDType | 'float16' | 'float32';
  readonly activations: ActivationDType | 'float32';
}

/** How single nodes can be stored. Nodes without weights of their own only differ in activations. */
export const PRECISIONS = {
  float32: { weights: 'float32', activations: 'float32' },
  float16: { weights: 'float16', activations: 'float32' },
  /** Kernels quantize activations as they run. */
  dynamic: { weights: 'int8', activations: 'float32' },
  /** As dynamic. */
  int4: { weights: 'int4', activations: 'float32' },
  int8: { weights: 'int8', activations: 'int8' },
  int8x4: { weights: 'int4', activations: 'int8' },
  int16x8: { weights: 'int8', activations: 'int16' },
} as const satisfies Record<string, NodeStorage>;

export type Precision = keyof typeof PRECISIONS;

/** Precisions of single nodes, in place of the one that the mode gives to all. */
export type GraphPrecisions = ReadonlyMap<Graph, ReadonlyMap<NodeId, Precision>>;

/** The ops whose stock kernels read int4 weights; others get int8 in their place. */
const READ_INT4: readonly OpName[] = ['CONV_2D', 'DEPTHWISE_CONV_2D', 'FULLY_CONNECTED'];

/**
 * Outputs that are made of fewer weights than this have int8 ones, as those of depthwise convolutions and of
 * first layers: with fewer, errors of int4 do not even out, and bytes are hardly saved.
 */
const LEAST_INT4_WEIGHTS = 32;

/**
 * The type that a node's weights get where `wanted` is asked for.
 *
 * @param perOutput how many of them each output is made of
 */
export function weightType(op: OpName, wanted: WeightDType, perOutput: number): WeightDType {
  return READ_INT4.includes(op) && perOutput >= LEAST_INT4_WEIGHTS ? wanted : 'int8';
}
