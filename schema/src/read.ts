import { LinnetError } from './errors.js';
import { Metadata as MetadataTable } from './generated/tables/metadata.js';
import { Model as ModelTable } from './generated/tables/model.js';
import { Operator as OperatorTable } from './generated/tables/operator.js';
import type { OperatorCode } from './generated/tables/operator-code.js';
import type { SignatureDef } from './generated/tables/signature-def.js';
import type { SubGraph } from './generated/tables/sub-graph.js';
import { Tensor as TensorTable } from './generated/tables/tensor.js';
import type { TensorMap } from './generated/tables/tensor-map.js';
import type { Metadata, Model, NamedTensor, Signature, Subgraph } from './model.js';
import { opRecord } from './ops/index.js';
import { type ExternalFiles, readBuffers, readExternalBuffers } from './read/buffers.js';
import { CheckedByteBuffer } from './read/checked-buffer.js';
import { checkIndices, fail, list } from './read/fail.js';
import { type OpCode, readOpCode, readOperator } from './read/operator.js';
import { type Contents, readTensor } from './read/tensor.js';

export type { ExternalFiles } from './read/buffers.js';

export interface ReadOptions {
  /** Files that hold weights of the model outside it; none by default. */
  readonly externalFiles?: ExternalFiles;
}

const SCHEMA_VERSION = 3;

/** Whether the bytes start as a TFLite file does. */
export function isTflite(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(4, 8)) === 'TFL3';
}

/**
 * Reads a TFLite file that nobody vouches for.
 *
 * Takes time and memory in proportion to the file's size. Constants, metadata and custom options
 * are views of `bytes`, which must not change while the model is in use.
 *
 * @throws LinnetError of code INVALID_MODEL when the file is damaged, UNSUPPORTED when it needs
 * something that Linnet does not know, INVALID_ARGUMENT when an external file was not given
 */
export function read(bytes: Uint8Array, options: ReadOptions = {}): Model {
  if (!isTflite(bytes)) {
    throw new LinnetError(
      'INVALID_MODEL',
      'The file is not a TFLite model: it lacks the identifier "TFL3" at byte 4.',
    );
  }
  const buffer = new CheckedByteBuffer(bytes);
  const table = new ModelTable().__init(buffer.__indirect(0), buffer);
  if (table.version() !== SCHEMA_VERSION) {
    throw new LinnetError(
      'UNSUPPORTED',
      `The file uses version ${table.version()} of the TFLite schema; Linnet reads version ${SCHEMA_VERSION}.`,
    );
  }
  const contents: Contents = {
    buffers: readBuffers(table, bytes),
    external: readExternalBuffers(table, options.externalFiles ?? new Map()),
  };
  const codes = list(table.operatorCodesLength(), (i) =>
    readOpCode(table.operatorCodes(i) as OperatorCode),
  );
  const subgraphs = list(table.subgraphsLength(), (i) =>
    readSubgraph(table.subgraphs(i) as SubGraph, i, codes, contents, bytes),
  );
  checkCalls(subgraphs);
  return {
    description: table.description() ?? '',
    subgraphs,
    signatures: list(table.signatureDefsLength(), (i) =>
      readSignature(table.signatureDefs(i) as SignatureDef, subgraphs),
    ),
    metadata: readMetadata(table, contents),
  };
}

function readSubgraph(
  table: SubGraph,
  index: number,
  codes: readonly OpCode[],
  contents: Contents,
  file: Uint8Array,
): Subgraph {
  const name = table.name() ?? '';
  const where = { subgraph: name === '' ? `#${index}` : name };
  const tensorCount = table.tensorsLength();
  const inputs = list(table.inputsLength(), (i) => table.inputs(i));
  const outputs = list(table.outputsLength(), (i) => table.outputs(i));
  checkIndices(inputs, 0, tensorCount, 'an input of the graph', where);
  checkIndices(outputs, 0, tensorCount, 'an output of the graph', where);
  try {
    const tensor = new TensorTable();
    const operator = new OperatorTable();
    return {
      name,
      tensors: list(tensorCount, (i) =>
        readTensor(table.tensors(i, tensor) as TensorTable, i, tensorCount, contents),
      ),
      operators: list(table.operatorsLength(), (i) =>
        readOperator(table.operators(i, operator) as OperatorTable, i, codes, tensorCount, file),
      ),
      inputs,
      outputs,
    };
  } catch (error) {
    throw error instanceof LinnetError ? error.at(where) : error;
  }
}

/** Throws when an op calls a subgraph that does not exist, or subgraphs call each other in a ring. */
function checkCalls(subgraphs: readonly Subgraph[]): void {
  const calls = subgraphs.map((subgraph, index) => {
    const called = new Set<number>();
    for (const node of subgraph.operators) {
      if (node.op === null) continue;
      const callees = opRecord(node.op).subgraphs?.(node.options) ?? [];
      checkIndices(callees, 0, subgraphs.length, 'a called subgraph', {
        subgraph: subgraph.name || `#${index}`,
        op: node.op,
      });
      for (const callee of callees) called.add(callee);
    }
    return called;
  });
  // Peel off subgraphs whose callees are all peeled off; a ring never comes to an end.
  const callers = subgraphs.map(() => [] as number[]);
  const open = calls.map((called) => called.size);
  calls.forEach((called, caller) => {
    for (const callee of called) callers[callee]?.push(caller);
  });
  const done = open.flatMap((count, index) => (count === 0 ? [index] : []));
  for (const index of done) {
    for (const caller of callers[index] ?? []) {
      open[caller] = (open[caller] as number) - 1;
      if (open[caller] === 0) done.push(caller);
    }
  }
  if (done.length < subgraphs.length) fail('its subgraphs call each other in a ring.');
}

function readSignature(table: SignatureDef, subgraphs: readonly Subgraph[]): Signature {
  const key = table.signatureKey() ?? '';
  const subgraph = table.subgraphIndex();
  const where = { subgraph: `of signature "${key}"` };
  checkIndices([subgraph], 0, subgraphs.length, 'its subgraph', where);
  const tensorCount = subgraphs[subgraph]?.tensors.length ?? 0;
  const named = (map: TensorMap | null): NamedTensor => {
    const tensor = map?.tensorIndex() ?? 0;
    checkIndices([tensor], 0, tensorCount, 'a named tensor', where);
    return { name: map?.name() ?? '', tensor };
  };
  return {
    key,
    subgraph,
    inputs: list(table.inputsLength(), (i) => named(table.inputs(i))),
    outputs: list(table.outputsLength(), (i) => named(table.outputs(i))),
  };
}

function readMetadata(table: ModelTable, { buffers }: Contents): readonly Metadata[] {
  const entry = new MetadataTable();
  return list(table.metadataLength(), (i) => {
    table.metadata(i, entry);
    checkIndices([entry.buffer()], 0, buffers.length, 'a metadata entry', {});
    return { name: entry.name() ?? '', data: buffers[entry.buffer()] ?? new Uint8Array() };
  });
}
