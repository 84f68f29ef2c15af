/**
 * Variables that no restore operation assigns, found through the object graph.
 *
 * Keras 3 objects save their variables under copies of them, so the variables that functions
 * capture are not the ones that the saver restores. The object graph of the SavedModel says which
 * objects a function captures; the one in the checkpoint says under which key each object was
 * saved. Both are walked from their roots along edges of the same names.
 */

import { decode } from '../../wire/protobuf.js';
import type { Bundle } from './checkpoint/bundle.js';
import { type GraphDef, type MetaGraphDef, TrackableObjectGraph } from './proto/messages.js';

const OBJECT_GRAPH_KEY = '_CHECKPOINTABLE_OBJECT_GRAPH';
const VARIABLE_VALUE = 'VARIABLE_VALUE';

type ObjectGraph = NonNullable<MetaGraphDef['objectGraph']>;

/** Checkpoint keys of captured variables, by the name of the graph's node. */
export async function capturedVariables(
  graph: GraphDef,
  objects: ObjectGraph,
  bundle: Bundle,
): Promise<ReadonlyMap<string, string>> {
  const keys = await checkpointKeys(objects, bundle);
  const captured = new Map<string, string>();
  for (const node of graph.node) {
    const called = node.attr.get('f')?.func?.name;
    const bound = called === undefined ? undefined : objects.concreteFunctions.get(called);
    if (bound === undefined) continue;
    const inputs = node.input.filter((input) => !input.startsWith('^'));
    const { boundInputs } = bound;
    boundInputs.forEach((object, index) => {
      const name = inputs[inputs.length - boundInputs.length + index];
      const key = keys.get(object);
      if (name !== undefined && key !== undefined) captured.set(name.replace(/:0$/, ''), key);
    });
  }
  return captured;
}

/** Checkpoint key of each variable of the SavedModel's object graph, by the object's number. */
async function checkpointKeys(
  objects: ObjectGraph,
  bundle: Bundle,
): Promise<ReadonlyMap<number, string>> {
  const keys = new Map<number, string>();
  if (!bundle.has(OBJECT_GRAPH_KEY)) return keys;
  const saved = decode(
    TrackableObjectGraph,
    await bundle.readString(OBJECT_GRAPH_KEY),
    'the object graph of the checkpoint',
  );
  const visited = new Set<number>([0]);
  const pairs: [object: number, savedAs: number][] = [[0, 0]];
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const [object, savedAs] = pair;
    const original = objects.nodes[object];
    const copy = saved.nodes[savedAs];
    if (original === undefined || copy === undefined) continue;
    const value = copy.attributes.find(({ name }) => name === VARIABLE_VALUE);
    if (value !== undefined) keys.set(object, value.checkpointKey);
    const children = new Map(copy.children.map(({ localName, nodeId }) => [localName, nodeId]));
    for (const { localName, nodeId } of original.children) {
      const child = children.get(localName);
      if (child === undefined || visited.has(nodeId)) continue;
      visited.add(nodeId);
      pairs.push([nodeId, child]);
    }
  }
  return keys;
}
