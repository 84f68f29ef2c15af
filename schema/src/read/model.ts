import { type DType, dtypeFromCode } from '../dtype.js';
import { LinnetError } from '../errors.js';
import * as stored from '../generated/tables.js';
import type { Metadata, Model, NamedTensor, Signature, Subgraph } from '../model.js';
import type { OpName } from '../ops/families.js';
import { type OpRecords, recordOf } from '../ops/records.js';
import { type ExternalFiles, readBuffers, readExternalBuffers } from './buffers.js';
import { checkIndices, fail } from './fail.js';
import { type OpCode, readOpCode, readOperator } from './operator.js';
import type { SparsityReader } from './sparsity.js';
import { rootTable, type Table } from './table.js';
import { type Contents, readTensor } from './tensor.js';

export interface ReadOptions {
  /** Files that hold weights of the model outside it; none by default. */
  readonly externalFiles?: ExternalFiles;
}

const SCHEMA_VERSION = 3;

/** Whether the bytes start as a TFLite file does. */
export function isTflite(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(4, 8)) === 'TFL3';
}

/** The table of a file that is a TFLite model of the version that Linnet reads. */
function modelTable(bytes: Uint8Array): Table {
  if (!isTflite(bytes)) {
    throw new LinnetError(
      'INVALID_MODEL',
      'The file is not a TFLite model: it lacks the identifier "TFL3" at byte 4.',
    );
  }
  const table = rootTable(bytes);
  const version = table.get(stored.Model.version);
  if (version !== SCHEMA_VERSION) {
    throw new LinnetError(
      'UNSUPPORTED',
      `The file uses version ${version} of the TFLite schema; Linnet reads version ${SCHEMA_VERSION}.`,
    );
  }
  return table;
}

/** What a file is written in. */
export interface Vocabulary {
  /** Those that it lists, but for unknown ones. */
  readonly ops: ReadonlySet<OpName>;
  readonly dtypes: ReadonlySet<DType>;
  /** Whether some constants are stored without their zeros. */
  readonly hasSparsity: boolean;
}

/**
 * A file's vocabulary, for having at hand what it takes when it is read.
 *
 * @throws LinnetError as readModel does
 */
export function readVocabulary(bytes: Uint8Array): Vocabulary {
  const table = modelTable(bytes);
  const codes = table.get(stored.Model.operatorCodes).map(readOpCode);
  const tensors = table
    .get(stored.Model.subgraphs)
    .flatMap((subgraph) => subgraph.get(stored.SubGraph.tensors));
  return {
    ops: new Set(codes.flatMap(({ op }) => op ?? [])),
    dtypes: new Set(
      tensors.flatMap((tensor) => dtypeFromCode(tensor.get(stored.Tensor.type)) ?? []),
    ),
    hasSparsity: tensors.some((tensor) => tensor.get(stored.Tensor.sparsity) !== null),
  };
}

/** What a file of some vocabulary is read with. */
export interface Readers {
  readonly records: OpRecords;
  /** For constants without their zeros; null where there are none. */
  readonly readSparsity: SparsityReader | null;
}

/** `read` with what the file's vocabulary takes. */
export function readModel(
  bytes: Uint8Array,
  { records, readSparsity }: Readers,
  { externalFiles = new Map() }: ReadOptions,
): Model {
  const table = modelTable(bytes);
  const contents: Contents = {
    buffers: readBuffers(table, bytes),
    external: readExternalBuffers(table, externalFiles),
    readSparsity,
  };
  const codes = table.get(stored.Model.operatorCodes).map(readOpCode);
  const subgraphs = table
    .get(stored.Model.subgraphs)
    .map((subgraph, index) => readSubgraph(subgraph, index, { codes, records, contents, bytes }));
  checkCalls(subgraphs, records);
  return {
    description: table.get(stored.Model.description) ?? '',
    subgraphs,
    signatures: table
      .get(stored.Model.signatureDefs)
      .map((signature) => readSignature(signature, subgraphs)),
    metadata: readMetadata(table, contents),
  };
}

/** What the parts of a file are read with. */
interface Context {
  readonly codes: readonly OpCode[];
  readonly records: OpRecords;
  readonly contents: Contents;
  readonly bytes: Uint8Array;
}

function readSubgraph(
  table: Table,
  index: number,
  { codes, records, contents, bytes }: Context,
): Subgraph {
  const name = table.get(stored.SubGraph.name) ?? '';
  const where = { subgraph: name === '' ? `#${index}` : name };
  const tensors = table.get(stored.SubGraph.tensors);
  const tensorCount = tensors.length;
  const inputs = table.get(stored.SubGraph.inputs);
  const outputs = table.get(stored.SubGraph.outputs);
  checkIndices(inputs, 0, tensorCount, 'an input of the graph', where);
  checkIndices(outputs, 0, tensorCount, 'an output of the graph', where);
  try {
    return {
      name,
      tensors: tensors.map((tensor, i) => readTensor(tensor, i, tensorCount, contents)),
      operators: table
        .get(stored.SubGraph.operators)
        .map((operator, i) =>
          readOperator(operator, i, { codes, records, tensorCount, file: bytes }),
        ),
      inputs,
      outputs,
    };
  } catch (error) {
    throw error instanceof LinnetError ? error.at(where) : error;
  }
}

/** Throws when an op calls a subgraph that does not exist, or subgraphs call each other in a ring. */
function checkCalls(subgraphs: readonly Subgraph[], records: OpRecords): void {
  const calls = subgraphs.map((subgraph, index) => {
    const called = new Set<number>();
    for (const node of subgraph.operators) {
      if (node.op === null) continue;
      const callees = recordOf(records, node.op).subgraphs?.(node.options as never) ?? [];
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

function readSignature(table: Table, subgraphs: readonly Subgraph[]): Signature {
  const key = table.get(stored.SignatureDef.signatureKey) ?? '';
  const subgraph = table.get(stored.SignatureDef.subgraphIndex);
  const where = { subgraph: `of signature "${key}"` };
  checkIndices([subgraph], 0, subgraphs.length, 'its subgraph', where);
  const tensorCount = subgraphs[subgraph]?.tensors.length ?? 0;
  const named = (map: Table): NamedTensor => {
    const tensor = map.get(stored.TensorMap.tensorIndex);
    checkIndices([tensor], 0, tensorCount, 'a named tensor', where);
    return { name: map.get(stored.TensorMap.name) ?? '', tensor };
  };
  return {
    key,
    subgraph,
    inputs: table.get(stored.SignatureDef.inputs).map(named),
    outputs: table.get(stored.SignatureDef.outputs).map(named),
  };
}

function readMetadata(table: Table, { buffers }: Contents): readonly Metadata[] {
  return table.get(stored.Model.metadata).map((entry) => {
    const buffer = entry.get(stored.Metadata.buffer);
    checkIndices([buffer], 0, buffers.length, 'a metadata entry', {});
    return {
      name: entry.get(stored.Metadata.name) ?? '',
      data: buffers[buffer] ?? new Uint8Array(),
    };
  });
}
