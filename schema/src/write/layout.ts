import { Builder } from 'flatbuffers';
import { invariant } from '../errors.js';
import { Buffer } from '../generated/builders/buffer.js';
import { Metadata } from '../generated/builders/metadata.js';
import { Model as ModelTable } from '../generated/builders/model.js';
import { SignatureDef } from '../generated/builders/signature-def.js';
import { SubGraph } from '../generated/builders/sub-graph.js';
import { TensorMap } from '../generated/builders/tensor-map.js';
import type { Model, NamedTensor, Signature, Subgraph } from '../model.js';
import { BufferPool } from './buffer-pool.js';
import { checkWritable, OpCodes, packOperator } from './operator.js';
import { packTensor } from './tensor.js';

const SCHEMA_VERSION = 3;
const IDENTIFIER = 'TFL3';

/** Contents start at multiples of this, so that a memory-mapped file can be used in place. */
const ALIGNMENT = 16;

/** What a buffer takes besides its contents, at most: its length, padding and table. */
const BUFFER_OVERHEAD = 4 + ALIGNMENT + 16;

/**
 * Writes a model whose flatbuffer takes at most `limit` bytes.
 *
 * Tables come first, then the contents of buffers: in the flatbuffer if everything fits, else
 * behind it, referred to by their place in the file. Allocates little more than the file itself.
 */
export function writeModel(model: Model, limit: number): Uint8Array {
  const pool = new BufferPool();
  const codes = new OpCodes();
  const indices = {
    tensors: model.subgraphs.map(({ tensors }) => tensors.map(({ data }) => pool.add(data))),
    metadata: model.metadata.map(({ data }) => pool.add(data)),
    codes: model.subgraphs.map(({ operators }) => {
      operators.forEach(checkWritable);
      return operators.map((node) => codes.add(node));
    }),
  };
  const pack = (builder: Builder, buffers: number[]): Uint8Array =>
    packModel(builder, model, codes, indices, buffers);

  const places = pool.contents.map(() => ALIGNMENT);
  const measure = new Builder();
  const tables = pack(measure, packBuffersOutside(measure, pool, places)).length;
  const inside = pool.contents.reduce(
    (total, data) => total + (data?.length ?? 0) + BUFFER_OVERHEAD,
    tables + ALIGNMENT,
  );
  if (inside <= limit) {
    const builder = new Builder(roundUp(inside));
    return pack(builder, packBuffersInside(builder, pool));
  }
  let size = roundUp(tables);
  pool.contents.forEach((data, index) => {
    places[index] = size;
    size = roundUp(size + (data?.length ?? 0));
  });
  const builder = new Builder(roundUp(tables));
  const flatbuffer = pack(builder, packBuffersOutside(builder, pool, places));
  invariant(flatbuffer.length === tables, 'the tables of a model changed their size');
  const file = new Uint8Array(size);
  file.set(flatbuffer);
  pool.contents.forEach((data, index) => {
    if (data !== null) file.set(data, places[index]);
  });
  return file;
}

/** Indices that tables refer to each other by, for each subgraph and its tensors or operators. */
interface Indices {
  readonly tensors: readonly (readonly number[])[];
  readonly metadata: readonly number[];
  readonly codes: readonly (readonly number[])[];
}

function roundUp(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}

function packBuffersInside(builder: Builder, { contents }: BufferPool): number[] {
  // A flatbuffer is built from its end, so the last one goes first.
  const vectors = [...contents]
    .reverse()
    .map((data) => (data === null ? 0 : packBytes(builder, data)))
    .reverse();
  return vectors.map((vector) => packBuffer(builder, vector));
}

function packBuffersOutside(
  builder: Builder,
  { contents }: BufferPool,
  places: readonly number[],
): number[] {
  return contents.map((data, index) => {
    if (data === null || data.length === 0) {
      return packBuffer(builder, data === null ? 0 : packBytes(builder, data));
    }
    Buffer.startBuffer(builder);
    Buffer.addOffset(builder, BigInt(places[index] as number));
    Buffer.addSize(builder, BigInt(data.length));
    return Buffer.endBuffer(builder);
  });
}

function packBuffer(builder: Builder, vector: number): number {
  Buffer.startBuffer(builder);
  Buffer.addData(builder, vector);
  return Buffer.endBuffer(builder);
}

function packBytes(builder: Builder, data: Uint8Array): number {
  builder.prep(ALIGNMENT, data.length);
  return builder.createByteVector(data);
}

function packModel(
  builder: Builder,
  model: Model,
  opCodes: OpCodes,
  indices: Indices,
  bufferOffsets: number[],
): Uint8Array {
  const subgraphs = model.subgraphs.map((subgraph, index) =>
    packSubgraph(
      builder,
      subgraph,
      indices.tensors[index] as readonly number[],
      indices.codes[index] as readonly number[],
    ),
  );
  const signatures = model.signatures.map((signature) => packSignature(builder, signature));
  const metadata = model.metadata.map(({ name }, index) =>
    Metadata.createMetadata(builder, builder.createString(name), indices.metadata[index] as number),
  );
  const codesVector = ModelTable.createOperatorCodesVector(builder, opCodes.pack(builder));
  const subgraphsVector = ModelTable.createSubgraphsVector(builder, subgraphs);
  const description = model.description === '' ? 0 : builder.createString(model.description);
  const buffersVector = ModelTable.createBuffersVector(builder, bufferOffsets);
  const metadataVector =
    metadata.length === 0 ? 0 : ModelTable.createMetadataVector(builder, metadata);
  const signaturesVector =
    signatures.length === 0 ? 0 : ModelTable.createSignatureDefsVector(builder, signatures);
  ModelTable.startModel(builder);
  ModelTable.addVersion(builder, SCHEMA_VERSION);
  ModelTable.addOperatorCodes(builder, codesVector);
  ModelTable.addSubgraphs(builder, subgraphsVector);
  ModelTable.addDescription(builder, description);
  ModelTable.addBuffers(builder, buffersVector);
  ModelTable.addMetadata(builder, metadataVector);
  ModelTable.addSignatureDefs(builder, signaturesVector);
  builder.finish(ModelTable.endModel(builder), IDENTIFIER);
  return builder.asUint8Array();
}

function packSubgraph(
  builder: Builder,
  subgraph: Subgraph,
  buffers: readonly number[],
  codes: readonly number[],
): number {
  const tensors = subgraph.tensors.map((tensor, index) =>
    packTensor(builder, tensor, buffers[index] as number),
  );
  const operators = subgraph.operators.map((node, index) =>
    packOperator(builder, node, codes[index] as number),
  );
  const name = subgraph.name === '' ? 0 : builder.createString(subgraph.name);
  const tensorsVector = SubGraph.createTensorsVector(builder, tensors);
  const inputs = SubGraph.createInputsVector(builder, [...subgraph.inputs]);
  const outputs = SubGraph.createOutputsVector(builder, [...subgraph.outputs]);
  const operatorsVector = SubGraph.createOperatorsVector(builder, operators);
  SubGraph.startSubGraph(builder);
  SubGraph.addTensors(builder, tensorsVector);
  SubGraph.addInputs(builder, inputs);
  SubGraph.addOutputs(builder, outputs);
  SubGraph.addOperators(builder, operatorsVector);
  SubGraph.addName(builder, name);
  return SubGraph.endSubGraph(builder);
}

function packSignature(builder: Builder, { key, subgraph, inputs, outputs }: Signature): number {
  const pack = ({ name, tensor }: NamedTensor) =>
    TensorMap.createTensorMap(builder, builder.createString(name), tensor);
  const inputsVector = SignatureDef.createInputsVector(builder, inputs.map(pack));
  const outputsVector = SignatureDef.createOutputsVector(builder, outputs.map(pack));
  const keyString = builder.createString(key);
  SignatureDef.startSignatureDef(builder);
  SignatureDef.addInputs(builder, inputsVector);
  SignatureDef.addOutputs(builder, outputsVector);
  SignatureDef.addSignatureKey(builder, keyString);
  SignatureDef.addSubgraphIndex(builder, subgraph);
  return SignatureDef.endSignatureDef(builder);
}
