/** A plan: what a backend executes. Nothing in it belongs to one backend but the kernels' names. */
import type { KernelDeclaration, KernelName } from '@linnet/runtime-wasm';
import type { OpName, TensorType, TypedArray } from '@linnet/schema';
import type { GraphNode } from '../model/graph.js';
import type { Known } from '../model/known.js';
import type { BufferRef } from './lowering.js';

/** A region of memory; BufferRefs point into it. */
export type PlanBuffer =
  /** Working memory, shared with buffers that are not in use at the same time. */
  | { readonly kind: 'arena'; readonly bytes: number }
  /** The contents of a known tensor. */
  | { readonly kind: 'known'; readonly known: Known }
  /** Data made by a lowering. `id` is null when it belongs to this plan only. */
  | { readonly kind: 'made'; readonly id: string | null; make(): TypedArray }
  /** Kept from one run to the next, zero at first; plans that name the same id share it. */
  | { readonly kind: 'state'; readonly id: string; readonly bytes: number };

/** A node by its position in the file and its op. */
export type NodeLabel = Pick<GraphNode, 'name' | 'op'>;

/** One kernel call. */
export interface KernelCall {
  readonly kernel: KernelName;
  /** The values of the declaration's fields; pointers as BufferRefs or null. */
  readonly args: Readonly<Record<string, BufferRef | number | readonly number[] | null>>;
  /** The node that it is part of, for messages and profiles. */
  readonly node: NodeLabel;
}

/** A tensor that goes into a plan or comes out of it. */
export interface Port {
  /** Index in the graph. */
  readonly tensor: number;
  readonly type: TensorType;
  readonly ref: BufferRef;
  readonly bytes: number;
}

/** How a node's op is carried out. */
export type Support = 'native' | 'via-float32' | 'unsupported';

export interface PlannedNode {
  readonly name: string;
  readonly op: OpName;
  readonly support: Support;
}

/** Where the arena's buffers lie. */
export interface ArenaLayout {
  /** Bytes from the arena's start by buffer index; buffers outside the arena have none. */
  readonly offsets: ReadonlyMap<number, number>;
  /** Size in bytes. */
  readonly bytes: number;
  /** The most bytes alive at one time: no layout can be smaller. */
  readonly lowerBound: number;
}

/** A program on buffers: what a backend binds. */
export interface Program {
  readonly buffers: readonly PlanBuffer[];
  readonly calls: readonly KernelCall[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly arena: ArenaLayout;
}

/**
 * The program of some nodes of a graph, one after the other, for inputs of known types.
 *
 * A stage ends with the graph, before a node that the host carries out (control flow, variables),
 * or before one whose plan depends on values that this stage computes.
 */
export interface Stage extends Program {
  /** Tensors of this stage's nodes that later nodes read and whose contents planning has found. */
  readonly known: ReadonlyMap<number, Known>;
  /** The position of the first node that is not part of the stage. */
  readonly end: number;
  /** Tensors whose values the node at `end` needs before it can be planned. */
  readonly needs: readonly number[];
  readonly nodes: readonly PlannedNode[];
}

/** Calls `visit` for each pointer of a call that is not null. */
export function forEachPointer(
  call: KernelCall,
  declaration: KernelDeclaration,
  visit: (ref: BufferRef) => void,
): void {
  for (const field of Object.keys(declaration)) {
    const value = call.args[field];
    if (typeof value === 'object' && value !== null && 'buffer' in value) visit(value);
  }
}
