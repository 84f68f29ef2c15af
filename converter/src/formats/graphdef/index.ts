import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { dtypeCode, LinnetError } from '@linnet/schema';
import { decode } from '../../wire/protobuf.js';
import type { Format, OpenedModel, OpenOptions } from '../format.js';
import type { Source } from '../source.js';
import { type EntryPoint, importProgram } from '../tensorflow/import-program.js';
import { GraphDef, type NodeDef, type TensorInfo } from '../tensorflow/proto/messages.js';

/** Enough for the first node of a graph. */
const SNIFF_BYTES = 4096;
/** The key of the one signature that a frozen graph gets. */
const SIGNATURE = 'serving_default';
/** Nodes of these ops return nothing that a caller could want. */
const NO_OUTPUT: ReadonlySet<string> = new Set(['NoOp', 'Assert', 'Print', 'PrintV2']);

/** A frozen graph: one file, variables turned into constants, no signatures. */
export const GRAPH_DEF: Format = {
  name: 'TensorFlow frozen GraphDef',
  looksLike: 'a .pb file with the nodes of a graph',
  async sniff(source) {
    return source.main !== null && beginsWithNode(await source.read(source.main, 0, SNIFF_BYTES));
  },
  open,
};

async function open(source: Source, options: OpenOptions): Promise<OpenedModel> {
  const file = source.main!;
  options.onProgress?.(`reading ${file}`);
  const graph = decode(GraphDef, await source.read(file), 'the GraphDef', file);
  const entryPoints = (options.signatures ?? [SIGNATURE]).map((key) =>
    entryPoint(graph, key, outputsOf(graph, key, file)),
  );
  return importProgram({ graph, entryPoints, checkpoint: null }, options);
}

/**
 * What a signature of a frozen graph returns: the node that it names, or by default what is
 * computed from the placeholders and not read again.
 */
function outputsOf(graph: GraphDef, key: string, file: string): readonly NodeDef[] {
  const named = graph.node.filter(({ name }) => name === key);
  if (named.length > 0) return named;
  if (key !== SIGNATURE) {
    throw new LinnetError('INVALID_ARGUMENT', `the graph has no node ${key}`, { file }, [
      `A frozen graph has no signatures: name the node to compute, or leave it out to compute all results (${SIGNATURE}).`,
    ]);
  }
  const computed = readers(graph, placeholders(graph));
  const read = new Set(graph.node.flatMap(({ input }) => input.map(nodeName)));
  const outputs = graph.node.filter(
    ({ name, op }) => computed.has(name) && !read.has(name) && !NO_OUTPUT.has(op),
  );
  if (outputs.length > 0) return outputs;
  throw new LinnetError('INVALID_MODEL', 'the graph computes nothing from its inputs', { file });
}

/** The inputs are the placeholders that the outputs depend on. */
function entryPoint(graph: GraphDef, key: string, outputs: readonly NodeDef[]): EntryPoint {
  const inputs = placeholders(graph).filter((node) => {
    const computed = readers(graph, [node]);
    return outputs.some(({ name }) => computed.has(name));
  });
  return {
    key,
    isRequired: true,
    inputs: new Map(inputs.map((node) => [node.name, placeholderInfo(node)])),
    outputs: new Map(
      outputs.map(({ name }) => [name, { name: `${name}:0`, dtype: 0, shape: undefined }]),
    ),
  };
}

function placeholders(graph: GraphDef): readonly NodeDef[] {
  return graph.node.filter(({ op }) => op === 'Placeholder');
}

/** Names of all nodes that read the given ones, directly or not. */
function readers(graph: GraphDef, nodes: readonly NodeDef[]): ReadonlySet<string> {
  const consumers = new Map<string, string[]>();
  for (const { name, input } of graph.node) {
    for (const producer of input.map(nodeName)) {
      const known = consumers.get(producer);
      if (known === undefined) consumers.set(producer, [name]);
      else known.push(name);
    }
  }
  const found = new Set<string>();
  const pending = nodes.map(({ name }) => name);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    for (const reader of consumers.get(name) ?? []) {
      if (!found.has(reader)) {
        found.add(reader);
        pending.push(reader);
      }
    }
  }
  return found;
}

function nodeName(input: string): string {
  return input.replace(/^\^|:\d+$/g, '');
}

function placeholderInfo({ name, attr }: NodeDef): TensorInfo {
  return {
    name: `${name}:0`,
    dtype: attr.get('dtype')?.type ?? dtypeCode('float32'),
    shape: attr.get('shape')?.shape,
  };
}

/** Whether the bytes begin with a NodeDef: a node has a name and an op, both text. */
function beginsWithNode(head: Uint8Array): boolean {
  try {
    const reader = new BinaryReader(head);
    if (!isText(reader, 1, false)) return false;
    return isText(reader, 1, true) && isText(reader, 2, true);
  } catch {
    return false;
  }
}

/** Whether a length-delimited field of that number comes next; enters it, or skips it as text. */
function isText(reader: BinaryReader, field: number, skip: boolean): boolean {
  const [number, wireType] = reader.tag();
  if (number !== field || wireType !== WireType.LengthDelimited) return false;
  if (skip) return /^[\w./>-]+$/.test(reader.string());
  return reader.uint32() > 0;
}
