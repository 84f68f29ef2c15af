import { type DType, LinnetError, type TensorType, UNKNOWN_DIM } from '@linnet/schema';
import { throwIfAborted } from '../../abort.js';
import type { Graph, Program, Signature } from '../../graph/graph.js';
import type { OpenOptions } from '../format.js';
import type { Bundle } from './checkpoint/bundle.js';
import { dtypeOf } from './dtype.js';
import { FlatGraph, inputNode, type TfNode, type TfRef } from './flatten.js';
import { GraphImporter, initializerGraph, type ProgramAccess } from './graph-importer.js';
import type { GraphDef, TensorInfo } from './proto/messages.js';
import { sameGraph } from './same-graph.js';
import { Survey } from './survey.js';
import { dimensions, type TfTensor } from './tensor.js';
import { readVariables, restoredVariables } from './variables.js';

/** An entry point of a GraphDef: public names and the tensors (`node:0`) they stand for. */
export interface EntryPoint {
  readonly key: string;
  readonly inputs: ReadonlyMap<string, TensorInfo>;
  readonly outputs: ReadonlyMap<string, TensorInfo>;
}

export interface GraphSource {
  readonly graph: GraphDef;
  readonly entryPoints: readonly EntryPoint[];
  /** Name of the operation that restores variables; null when there are none. */
  readonly restoreOp: string | null;
  readonly bundle: Bundle | null;
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

/** Imports the entry points of a GraphDef as the signatures of a program. */
export async function importProgram(source: GraphSource, options: OpenOptions): Promise<Program> {
  const entries = findEntries(source, options.inputShapes ?? {});
  const survey = new Survey();
  for (const { flat, outputs } of entries) {
    survey.visit(
      flat,
      outputs.map(({ ref }) => ref),
    );
  }
  survey.check();

  options.onProgress?.('reading variables');
  const restored =
    source.restoreOp === null || survey.variables.size === 0
      ? new Map()
      : restoredVariables(new FlatGraph(source.graph), source.restoreOp);
  const variables = await readVariables(
    [...survey.variables.values()],
    restored,
    source.bundle,
    options.signal,
  );

  options.onProgress?.('importing the graph');
  const inner: Graph[] = [];
  const access = programAccess(variables, survey.written, inner, entries.length);
  const signatures: Signature[] = [];
  for (const entry of entries) {
    throwIfAborted(options.signal);
    const signature = importEntry(entry, access);
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

function findEntries(source: GraphSource, shapes: NonNullable<OpenOptions['inputShapes']>): Entry[] {
  const names = new Set(source.entryPoints.flatMap(({ inputs }) => [...inputs.keys()]));
  for (const name of Object.keys(shapes)) {
    if (!names.has(name)) {
      throw new LinnetError('INVALID_ARGUMENT', `the model has no input ${name}`, {}, [
        `Its inputs are: ${[...names].join(', ')}.`,
      ]);
    }
  }
  return source.entryPoints.map((point) => findEntry(source.graph, point, shapes));
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
      if (info.name === '') throw composite('output', name, key);
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
  if (info.name === '') throw composite('input', name, '');
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
  const fits =
    wanted === undefined ||
    stated === null ||
    (wanted.length === stated.length &&
      wanted.every((dim, axis) => stated[axis] === UNKNOWN_DIM || stated[axis] === dim));
  if (!fits) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `the shape [${wanted}] does not fit the input ${name}, which is [${stated!.map((dim) => (dim === UNKNOWN_DIM ? '?' : dim))}]`,
      { tensor: name },
    );
  }
  return { dtype: dtypeOf(info.dtype), shape: [...(wanted ?? stated!)] };
}

function composite(kind: string, name: string, key: string): LinnetError {
  return new LinnetError(
    'UNSUPPORTED',
    `the ${kind} ${name}${key === '' ? '' : ` of signature ${key}`} is a sparse or ragged tensor`,
    { tensor: name },
    ['Convert a signature that takes and returns dense tensors.'],
  );
}

/** By name, with numbers in names in numeric order: output_2 comes before output_10. */
function sorted<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => COLLATOR.compare(a, b));
}

const COLLATOR = new Intl.Collator('en', { numeric: true });
