/** A plan: what backends execute. What a call does is known to its backend alone. */
import type { OpName, TensorType, TypedArray } from '@linnet/schema';
import type { BackendName, Choice } from '../api.js';
import type { GraphNode } from '../model/graph.js';
import type { Known } from '../model/known.js';
import type { Target } from './backend.js';
import type { BufferRef, ConstantCall } from './lowering.js';

/** A region of memory; BufferRefs point into it. */
export type PlanBuffer<Work = unknown> =
  /** Working memory, shared with buffers that are not in use at the same time. */
  | { readonly kind: 'arena'; readonly bytes: number }
  /** The contents of a known tensor. */
  | { readonly kind: 'known'; readonly known: Known }
  /** Data made by a lowering. `id` is null when it belongs to this plan only. */
  | { readonly kind: 'made'; readonly id: string | null; make(): TypedArray }
  /** Data that the backend computes once by calls of its own. `id` as above. */
  | {
      readonly kind: 'computed';
      readonly id: string | null;
      readonly bytes: number;
      calls(): Iterable<ConstantCall<Work>>;
    }
  /** Kept from one run to the next, zero at first; plans that name the same id share it. */
  | { readonly kind: 'state'; readonly id: string; readonly bytes: number };

/** The size of a buffer; what is made while binding has none before. */
export function bytesOf(buffer: PlanBuffer): number {
  if (buffer.kind === 'made') return 0;
  return buffer.kind === 'known' ? buffer.known.bytes.length : buffer.bytes;
}

/** A node by its position in the file and its op. */
export type NodeLabel = Pick<GraphNode, 'name' | 'op'>;

/** One call of a backend's program; `work` is the backend's own. */
export interface Call<Work = unknown> {
  readonly work: Work;
  /** The places that it reads, writes or works in. */
  readonly uses: readonly BufferRef[];
  /** The node that it is part of, for messages and profiles. */
  readonly node: NodeLabel;
  /** The node that it was emitted for, which `node` may have been folded into. */
  readonly site: NodeLabel;
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
  readonly backend: BackendName;
  /** Why it does not run on a device that there is. */
  readonly whyOnHost: string | null;
  readonly choices: readonly Choice[];
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

/** Calls that run one after the other, with nothing coming in or going out between them. */
export interface Segment<Work = unknown> {
  readonly calls: readonly Call<Work>[];
  /** Written before the first call. */
  readonly inputs: readonly Port[];
  /** Read after the last call. */
  readonly outputs: readonly Port[];
}

/** What a backend binds: segments that run in this order, on buffers that they share. */
export interface Program<Work = unknown> {
  readonly buffers: readonly PlanBuffer<Work>[];
  readonly segments: readonly Segment<Work>[];
  readonly arena: ArenaLayout;
}

/** A backend's share of a stage. */
export interface Part {
  readonly target: Target;
  readonly program: Program;
}

/** A segment by its part and its place in the part's program. */
export interface Turn {
  readonly part: number;
  readonly segment: number;
}

/**
 * Some nodes of a graph, one after the other, planned for inputs of known types. Each backend runs
 * its nodes in segments; what one backend needs of another's passes through the host between them.
 *
 * A stage ends with the graph, before a node that the host carries out (control flow, variables),
 * or before one whose plan depends on values that this stage computes.
 */
export interface Stage {
  readonly parts: readonly Part[];
  /** The order in which the segments of all parts run. */
  readonly turns: readonly Turn[];
  /** Tensors of this stage's nodes that later nodes read and whose contents planning has found. */
  readonly known: ReadonlyMap<number, Known>;
  /** The position of the first node that is not part of the stage. */
  readonly end: number;
  /** Tensors whose values the node at `end` needs before it can be planned. */
  readonly needs: readonly number[];
  readonly nodes: readonly PlannedNode[];
}
