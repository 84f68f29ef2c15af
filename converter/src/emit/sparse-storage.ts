import type { OpName, Sparsity, TensorType } from '@linnet/schema';
import { elementBytes } from '../graph/constant.js';
import type { Graph, Node, Program, TensorId } from '../graph/graph.js';
import { makeNode } from '../graph/node.js';
import { floats } from '../passes/match.js';
import { densify } from '../reference/contents.js';

/** Constants that are stored sparsely, and what that saved. */
export interface SparseStorage {
  readonly tensors: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** The input with the weights of ops that stock LiteRT, XNNPACK and LiteRT.js run on what DENSIFY gives. */
const WEIGHTS: { readonly [N in OpName]?: number } = { CONV_2D: 1, FULLY_CONNECTED: 1 };

/** A float32; of int8 weights, which stock LiteRT takes from DENSIFY too, LiteRT.js makes something else. */
const ELEMENT_BYTES = 4;

/** A node with its output and the tables that describe the sparse layout take about as much. */
const OVERHEAD_BYTES = 400;

/**
 * Makes float32 constants dense that were read without their zeros, so that later steps see weights
 * like any others; whether there were any.
 */
export function storeDensely({ graphs }: Program): boolean {
  let wereSparse = false;
  for (const graph of graphs) {
    for (const { sparsity, ...tensor } of [...graph.tensors.values()]) {
      if (sparsity === undefined || tensor.dtype !== 'float32' || tensor.data === null) continue;
      wereSparse = true;
      const data = elementBytes(densify(tensor, sparsity, tensor.data));
      graph.setTensor({ ...tensor, data });
    }
  }
  return wereSparse;
}

/**
 * Stores float32 weights that are zero to a great part without their zeros, where that makes the file smaller:
 * compressed along the last dimension, and made dense by DENSIFY as the model is loaded.
 */
export function storeSparsely({ graphs }: Program): SparseStorage {
  const total = { tensors: 0, bytesBefore: 0, bytesAfter: 0 };
  // Tensors of the same contents share a buffer of the file, but would each have indices.
  const uses = new Map<ArrayBufferLike, number>();
  for (const { data } of graphs.flatMap(({ tensors }) => [...tensors.values()])) {
    if (data !== null) uses.set(data.buffer, (uses.get(data.buffer) ?? 0) + 1);
  }
  for (const [graph, id, reader] of graphs.flatMap(weightsOf)) {
    const { name, shape, data } = graph.tensor(id);
    if (uses.get(data!.buffer) !== 1) continue;
    const sparse = compress(data!, shape);
    const bytes = sparse.bytes + OVERHEAD_BYTES;
    if (bytes >= data!.length) continue;
    const { tensor: stored, node } = graph.nextIds;
    const type: TensorType = { dtype: 'float32', shape };
    graph.setTensor({
      ...type,
      id: stored,
      name: `${name}/sparse`,
      data: sparse.data,
      sparsity: sparse.sparsity,
      isVariable: false,
    });
    graph.setTensor({ ...type, id, name, data: null, isVariable: false });
    graph.addNode(
      makeNode({ op: 'DENSIFY', name, inputs: [stored], options: {} }, node, [id]),
      reader.id,
    );
    total.tensors++;
    total.bytesBefore += data!.length;
    total.bytesAfter += bytes;
  }
  return total;
}

/** Dense constant weights, each with the first node that reads it. */
function weightsOf(graph: Graph): readonly (readonly [Graph, TensorId, Node])[] {
  const found = new Map<TensorId, Node>();
  for (const node of graph.nodes) {
    const id = node.inputs[WEIGHTS[node.op] ?? -1];
    if (id == null || found.has(id) || graph.isOutput(id)) continue;
    const { shape } = graph.tensor(id);
    if (floats(graph, id) !== undefined && !shape.includes(0)) found.set(id, node);
  }
  return [...found].map(([id, node]) => [graph, id, node]);
}

interface Compressed {
  readonly data: Uint8Array;
  readonly sparsity: Sparsity;
  /** Of elements, indices and segments. */
  readonly bytes: number;
}

/** Elements without zeros: all dimensions dense but the last, which is compressed by rows. */
function compress(data: Uint8Array, shape: readonly number[]): Compressed {
  const size = ELEMENT_BYTES;
  const inner = shape.at(-1)!;
  const rows = data.length / size / inner;
  const segments = [0];
  const indices: number[] = [];
  const kept: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inner; i++) {
      const at = (row * inner + i) * size;
      if (data.subarray(at, at + size).every((byte) => byte === 0)) continue;
      indices.push(i);
      kept.push(at);
    }
    segments.push(indices.length);
  }
  const elements = new Uint8Array(kept.length * size);
  for (const [entry, at] of kept.entries()) {
    elements.set(data.subarray(at, at + size), entry * size);
  }
  const dense = shape.slice(0, -1).map((dim) => ({ format: 'dense', size: dim }) as const);
  return {
    data: elements,
    sparsity: {
      traversalOrder: shape.map((_, dim) => dim),
      blockMap: [],
      dims: [...dense, { format: 'sparse-csr', segments, indices }],
    },
    bytes:
      elements.length +
      indices.length * indexBytes(inner - 1) +
      segments.length * indexBytes(indices.length),
  };
}

/** Bytes of the narrowest type of index that holds a number. */
function indexBytes(most: number): number {
  return most < 2 ** 8 ? 1 : most < 2 ** 16 ? 2 : 4;
}
