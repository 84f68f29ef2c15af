import { elementCount, type OpName } from '@linnet/schema';
import { constantElements, elementBytes } from '../../graph/constant.js';
import type { Graph, Node, Program, TensorId } from '../../graph/graph.js';
import { inferNode, typeOf, withInputs } from '../../graph/node.js';
import { integers } from '../../passes/match.js';
import type { ClassId } from './classes.js';
import type { ChannelMap } from './map.js';

/**
 * Removes channels from a program: constants lose the slices of theirs, and everything else follows from
 * inference. Nodes and tensors keep their ids.
 */
export function removeChannels(
  program: Program,
  map: ChannelMap,
  gone: ReadonlySet<ClassId>,
): void {
  for (const { graph, tensor: id, axis, channels } of map.labelled) {
    const kept = [...channels.keys()].filter((i) => !gone.has(map.classes.find(channels[i]!)));
    const tensor = graph.tensor(id);
    if (kept.length === channels.length || tensor.data === null) continue;
    const shape = tensor.shape.map((dim, i) => (i === axis ? kept.length : dim));
    const bytes = tensor.data.length / elementCount(tensor.shape)!;
    const data = slices(tensor.data, tensor.shape, axis, kept, bytes);
    graph.setTensor({ ...tensor, shape, data });
  }
  for (const graph of new Set(program.signatures.map((signature) => signature.graph))) {
    for (const node of [...graph.nodes]) retype(graph, node, map, gone);
  }
}

/** Some indices of a dimension of dense elements, `bytes` each. */
function slices(
  data: Uint8Array,
  shape: readonly number[],
  axis: number,
  kept: readonly number[],
  bytes: number,
): Uint8Array {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, bytes);
  const step = inner * shape[axis]!;
  const result = new Uint8Array((data.length / step) * kept.length * inner);
  let to = 0;
  for (let from = 0; from < data.length; from += step) {
    for (const index of kept) {
      const start = from + index * inner;
      result.set(data.subarray(start, start + inner), to);
      to += inner;
    }
  }
  return result;
}

function retype(graph: Graph, before: Node, map: ChannelMap, gone: ReadonlySet<ClassId>): void {
  const node = before.op === 'RESHAPE' ? reshaped(graph, before, map, gone) : before;
  const declared = node.outputs.map((id) => typeOf(graph.tensor(id)));
  const inputs = node.inputs.map((id) => (id === null ? null : graph.tensor(id)));
  const types = inferNode<OpName>(node, inputs, declared);
  for (const [index, id] of node.outputs.entries()) {
    graph.setTensor({ ...graph.tensor(id), shape: types[index]!.shape });
  }
}

/** A RESHAPE to as many channels as are left. */
function reshaped(
  graph: Graph,
  node: Node<'RESHAPE'>,
  map: ChannelMap,
  gone: ReadonlySet<ClassId>,
): Node {
  const channels = map.of(graph, node.outputs[0]!);
  const kept = channels.filter((channel) => !gone.has(map.classes.find(channel))).length;
  if (kept === channels.length) return node;
  const target = node.inputs[1];
  const given = target == null ? node.options.newShape : integers(graph, target)!;
  const shape = given.with(-1, given.at(-1) === -1 ? -1 : kept);
  const options = { ...node.options, newShape: shape };
  const changed = { ...node, options };
  if (target == null) {
    graph.replaceNode(changed);
    return changed;
  }
  const moved = withInputs(changed, [node.inputs[0]!, shapeConstant(graph, target, shape)]);
  graph.replaceNode(moved);
  if (!graph.isRead(target)) graph.deleteTensor(target);
  return moved;
}

/** A constant of its own, as other nodes may read the old one. */
function shapeConstant(graph: Graph, old: TensorId, shape: readonly number[]): TensorId {
  const tensor = graph.tensor(old);
  const elements = constantElements(tensor)!.slice();
  for (const [index, dim] of shape.entries()) {
    elements[index] = elements instanceof BigInt64Array ? BigInt(dim) : dim;
  }
  const id = graph.nextIds.tensor;
  graph.setTensor({ ...tensor, id, data: elementBytes(elements) });
  return id;
}
