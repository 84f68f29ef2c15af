import { type DType, LinnetError, type TensorType } from '@linnet/schema';
import { throwIfAborted } from '../../abort.js';
import type { Graph, Program, Signature } from '../../graph/graph.js';
import type { OpenedModel, OpenOptions } from '../format.js';
import type { Bundle } from './checkpoint/bundle.js';
import { dtypeOf } from './dtype.js';
import { FlatGraph } from './flatten.js';
import { GraphImporter, initializerGraph, type ProgramAccess } from './graph-importer.js';
import { inputNode, type TfNode, type TfRef } from './node.js';
import { capturedVariables } from './object-graph.js';
import type { GraphDef, MetaGraphDef, TensorInfo } from './proto/messages.js';
import { sameGraph } from './same-graph.js';
import { Survey } from './survey.js';
import { dimensions, type TfTensor } from './tensor.js';
import { type Restored, readVariables, restoredVariables } from './variables.js';

/** An entry point of a GraphDef: public names and the tensors (`node:0`) they stand for. */
export interface EntryPoint {
  readonly key: string;
  readonly inputs: ReadonlyMap<string, TensorInfo>;
  readonly outputs: ReadonlyMap<string, TensorInfo>;
  /** Whether the model is of no use without it; others are left out when they cannot be imported. */
  readonly isRequired: boolean;
}

export interface GraphSource {
  readonly graph: GraphDef;
  readonly entryPoints: readonly EntryPoint[];
  readonly checkpoint: Checkpoint | null;
}

/** Where the values of variables are. */
export interface Checkpoint {
  readonly bundle: Bundle;
  /** Name of the operation that restores variables; null when the graph has none. */
  readonly restoreOp: string | null;
  readonly objects: MetaGraphDef['objectGraph'];
}

/** An entry point with its tensors found. */
interface Entry {
  readonly key: string;
  readonly flat: FlatGraph;
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
}

interface Input {
  readonly name: string;
  readonly node: TfNode;
  readonly type: TensorType;
}

interface Output {
  readonly name: string;
  readonly ref: TfRef;
  /** As callers get it; undefined where the model leaves it to the graph. */
  readonly dtype: DType | undefined;
}

/**
 * Imports the entry points of a GraphDef as the signatures of a program.
 *
 * @throws LinnetError when a required entry point, or every one, cannot be imported
 */
export async function importProgram(
  source: GraphSource,
  options: OpenOptions,
): Promise<OpenedModel> {
  const notes: string[] = [];
  let entryPoints = source.entryPoints;
  let first: LinnetError | undefined;
  for (;;) {
    try {
      return { program: await importSignatures({ ...source, entryPoints }, options), notes };
    } catch (error) {
      if (!(error instanceof LinnetError) || error.code !== 'UNSUPPORTED') throw error;
      first ??= error;
      const failed = entryPoints.find(({ key }) => key === error.where.subgraph);
      if (failed === undefined || failed.isRequired || entryPoints.length === 1) throw first;
      entryPoints = entryPoints.filter((point) => point !== failed);
      notes.push(`signature ${failed.key} was left out: ${error.message}`);
    }
  }
}

async function importSignatures(source: GraphSource, options: OpenOptions): Promise<Program> {
  const entries = findEntries(source, options.inputShapes ?? {});
  const survey = new Survey();
  for (const { key, flat, outputs } of entries) {
    locate(key, () =>
      survey.visit(
        flat,
        outputs.map(({ ref }) => ref),
      ),
    );
    locate(key, () => survey.check());
  }

  options.onProgress?.('reading variables');
  const variables = await variableValues(source, survey, options.signal);

  options.onProgress?.('importing the graph');
  const inner: Graph[] = [];
  const access = programAccess(variables, survey.written, inner, entries.length);
  const signatures: Signature[] = [];
  for (const entry of entries) {
    throwIfAborted(options.signal);
    const signature = locate(entry.key, () => importEntry(entry, access));
    // Keras saves the same function under two keys. Graphs that refer to others are kept apart.
    const twin =
      inner.length > 0
        ? undefined
        : signatures.find(({ graph }) => sameGraph(graph, signature.graph));
    signatures.push(twin === undefined ? signature : { ...signature, graph: twin.graph });
  }
  const graphs = [...new Set(signatures.map(({ graph }) => graph)), ...inner];
  return { graphs, signatures, metadata: [], description: '' };
}

/** Gives errors the key of the signature that they come from. */
function locate<T>(key: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof LinnetError ? error.at({ subgraph: key }) : error;
  }
}

async function variableValues(
  { graph, checkpoint }: GraphSource,
  { variables }: Survey,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, TfTensor>> {
  const wanted = [...variables.values()];
  if (wanted.length === 0 || checkpoint === null) return readVariables(wanted, new Map(), null);
  const { bundle, restoreOp, objects } = checkpoint;
  const restored = new Map<string, Restored>();
  if (objects !== undefined) {
    const captured = await capturedVariables(graph, objects, bundle);
    for (const [name, key] of captured) restored.set(name, { key, slice: '' });
  }
  if (restoreOp !== null) {
    const assigned = restoredVariables(new FlatGraph(graph), restoreOp);
    for (const [name, from] of assigned) restored.set(name, from);
  }
  return readVariables(wanted, restored, bundle, signal);
}

function importEntry({ key, flat, inputs, outputs }: Entry, access: ProgramAccess): Signature {
  const importer = new GraphImporter(access, flat, key);
  for (const { name, node, type } of inputs) importer.input(node, name, type);
  const refs = outputs.map(({ ref }) => ref);
  importer.run(refs);
  return {
    key,
    graph: importer.finish(
      refs,
      outputs.map(({ dtype }) => dtype),
    ),
    inputNames: inputs.map(({ name }) => name),
    outputNames: outputs.map(({ name }) => name),
  };
}

/** Graphs that control flow refers to are numbered after those of the entry points. */
function programAccess(
  variables: ReadonlyMap<string, TfTensor>,
  written: ReadonlySet<string>,
  inner: Graph[],
  entries: number,
): ProgramAccess {
  const addGraph = (graph: Graph) => entries + inner.push(graph) - 1;
  let initializer: number | undefined;
  return {
    variables,
    written,
    addGraph,
    initializer: () => {
      const first = new Map([...variables].filter(([name]) => written.has(name)));
      initializer ??= addGraph(initializerGraph(first));
      return initializer;
    },
  };
}

function findEntries(
  source: GraphSource,
  shapes: NonNullable<OpenOptions['inputShapes']>,
): Entry[] {
  const names = new Set(source.entryPoints.flatMap(({ inputs }) => [...inputs.keys()]));
  for (const name of Object.keys(shapes)) {
    if (!names.has(name)) {
      throw new LinnetError('INVALID_ARGUMENT', `the model has no input ${name}`, {}, [
        `Its inputs are: ${[...names].join(', ')}.`,
      ]);
    }
  }
  return source.entryPoints.map((point) =>
    locate(point.key, () => findEntry(source.graph, point, shapes)),
  );
}

/** Finds the tensors of an entry point; what computes its inputs is cut off. */
function findEntry(
  graph: GraphDef,
  { key, inputs, outputs }: EntryPoint,
  shapes: NonNullable<OpenOptions['inputShapes']>,
): Entry {
  const found = sorted(inputs).map(([name, info]) => {
    const node = inputNode(info.name.split(':')[0]!);
    return { name, node, type: inputType(name, info, shapes), tensor: info.name };
  });
  const feeds = new Map(
    found.map(({ node, tensor }) => [
      tensor.includes(':') ? tensor : `${tensor}:0`,
      { node, index: 0 },
    ]),
  );
  const flat = new FlatGraph(graph, feeds);
  return {
    key,
    flat,
    inputs: found,
    outputs: sorted(outputs).map(([name, info]) => {
      if (info.name === '') throw composite('output', name);
      const dtype = info.dtype === 0 ? undefined : dtypeOf(info.dtype);
      return { name, ref: flat.output(info.name), dtype };
    }),
  };
}

function inputType(
  name: string,
  info: TensorInfo,
  shapes: NonNullable<OpenOptions['inputShapes']>,
): TensorType {
  if (info.name === '') throw composite('input', name);
  const stated = dimensions(info.shape);
  const wanted = shapes[name];
  if (stated === null && wanted === undefined) {
    throw new LinnetError(
      'UNSUPPORTED',
      `the input ${name} may have any number of dimensions; a .tflite input has a fixed number`,
      { tensor: name },
      [`State its shape, for example --input-shape ${name}:1,224,224,3.`],
    );
  }
  if (wanted !== undefined && stated !== null && wanted.length !== stated.length) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `the shape [${wanted}] has ${wanted.length} dimensions; the input ${name} has ${stated.length}`,
      { tensor: name },
    );
  }
  return { dtype: dtypeOf(info.dtype), shape: [...(wanted ?? stated!)] };
}

function composite(kind: string, name: string): LinnetError {
  return new LinnetError(
    'UNSUPPORTED',
    `the ${kind} ${name} is a sparse or ragged tensor`,
    { tensor: name },
    ['Convert a signature that takes and returns dense tensors.'],
  );
}

/** By name, with numbers in names in numeric order: output_2 comes before output_10. */
function sorted<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => COLLATOR.compare(a, b));
}

const COLLATOR = new Intl.Collator('en', { numeric: true });
