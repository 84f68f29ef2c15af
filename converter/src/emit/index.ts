import {
  type Signature as FileSignature,
  type Tensor as FileTensor,
  LinnetError,
  lowestVersion,
  MIN_RUNTIME_VERSION,
  type Model,
  minRuntimeMetadata,
  type NamedTensor,
  type Operator,
  type Subgraph,
} from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { constantElements } from '../graph/constant.js';
import {
  type Graph,
  type Node,
  type Program,
  quantizationParameters,
  type Signature,
  type Tensor,
  type TensorId,
} from '../graph/graph.js';

/**
 * Writes a program as a TFLite file. The same program gives the same bytes: tensors come in the
 * order in which the nodes name them, and nothing in the file depends on when or where it is made.
 */
export function emit(program: Program): Uint8Array {
  return write(toModel(program));
}

/** The program as the plain model that a file holds. */
export function toModel(program: Program): Model {
  const numberings = new Map(program.graphs.map((graph) => [graph, numberTensors(graph)]));
  const subgraphs = program.graphs.map((graph) => toSubgraph(graph, numberings.get(graph)!));
  const kept = program.metadata.filter(({ name }) => name !== MIN_RUNTIME_VERSION);
  return {
    description: program.description,
    subgraphs,
    signatures: program.signatures.map((signature) =>
      toSignature(program, signature, numberings.get(signature.graph)!),
    ),
    metadata: [...kept, minRuntimeMetadata({ subgraphs })],
  };
}

/** A tensor's index in the file: inputs first, then in the order in which nodes name them. */
export type Numbering = ReadonlyMap<TensorId, number>;

export function numberTensors(graph: Graph): Numbering {
  const indices = new Map<TensorId, number>();
  const add = (id: TensorId | null) => {
    if (id === null || indices.has(id)) return;
    indices.set(id, indices.size);
    quantizationParameters(graph.tensor(id)).forEach(add);
  };
  graph.inputs.forEach(add);
  for (const node of graph.nodes) {
    node.inputs.forEach(add);
    node.outputs.forEach(add);
    node.intermediates?.forEach(add);
  }
  graph.outputs.forEach(add);
  return indices;
}

function toSubgraph(graph: Graph, indices: Numbering): Subgraph {
  const indexOf = (id: TensorId | null) => (id === null ? -1 : indices.get(id)!);
  const names = new UniqueNames(sharedPath(graph));
  return {
    name: graph.name,
    tensors: [...indices.keys()].map((id) => toTensor(graph.tensor(id), names, indexOf)),
    operators: [...graph.nodes].map((node) => toOperator(graph, node, indexOf)),
    inputs: graph.inputs.map(indexOf),
    outputs: graph.outputs.map(indexOf),
  };
}

function toTensor(
  { dtype, shape, quantization, data, isVariable, sparsity, name }: Tensor,
  names: UniqueNames,
  indexOf: (id: TensorId) => number,
): FileTensor {
  const type = { dtype, shape, name: names.take(name), data, isVariable };
  const extra = sparsity === undefined ? {} : { sparsity };
  if (quantization?.kind !== 'blockwise') {
    return quantization === undefined ? { ...type, ...extra } : { ...type, ...extra, quantization };
  }
  const { scales, zeroPoints } = quantization;
  const parameters = {
    scales: indexOf(scales),
    zeroPoints: zeroPoints < 0 ? -1 : indexOf(zeroPoints),
  };
  return { ...type, ...extra, quantization: { ...quantization, ...parameters } };
}

function toOperator(graph: Graph, node: Node, indexOf: (id: TensorId | null) => number): Operator {
  const tensors = node.inputs.map((id) => (id === null ? null : graph.tensor(id)));
  const version = lowestVersion(node.op, {
    options: node.options as never,
    inputs: tensors,
    outputs: node.outputs.map((id) => graph.tensor(id)),
    value: (index) => {
      const tensor = tensors[index];
      return tensor == null ? undefined : constantElements(tensor);
    },
  });
  return {
    op: node.op,
    options: node.options,
    inputs: node.inputs.map(indexOf),
    outputs: node.outputs.map(indexOf),
    ...(node.intermediates && { intermediates: node.intermediates.map(indexOf) }),
    version,
  } as Operator;
}

function toSignature(
  program: Program,
  { key, graph, inputNames, outputNames }: Signature,
  indices: Numbering,
): FileSignature {
  const named = (ids: readonly TensorId[], names: readonly string[]): readonly NamedTensor[] =>
    ids.map((id, position) => {
      const name = names[position];
      if (name === undefined) {
        throw new LinnetError('INTERNAL', `signature ${key} does not name all of its tensors`);
      }
      return { name, tensor: indices.get(id)! };
    });
  return {
    key,
    subgraph: program.graphs.indexOf(graph),
    inputs: named(graph.inputs, inputNames),
    outputs: named(graph.outputs, outputNames),
  };
}

/** The folders, as in `model/block/`, that all names of computed values with folders start with. */
function sharedPath(graph: Graph): string {
  let shared: readonly string[] | undefined;
  for (const { inputs, outputs } of graph.nodes) {
    // Values that only expand a constant have its name.
    if (inputs.every((id) => id !== null && graph.tensor(id).data !== null)) continue;
    for (const id of outputs) {
      const folders = graph.tensor(id).name.split('/').slice(0, -1);
      if (folders.length === 0) continue;
      const differs = shared?.findIndex((folder, depth) => folder !== folders[depth]) ?? -1;
      shared = shared === undefined ? folders : differs < 0 ? shared : shared.slice(0, differs);
    }
  }
  return (shared ?? []).map((folder) => `${folder}/`).join('');
}

/** Tensor names without the path that they share, told apart by a number where they are the same. */
class UniqueNames {
  readonly #taken = new Set<string>();
  readonly #counts = new Map<string, number>();

  constructor(readonly path: string) {}

  take(full: string): string {
    const name = full.startsWith(this.path) ? full.slice(this.path.length) : full;
    let unique = name;
    let count = this.#counts.get(name) ?? 0;
    while (this.#taken.has(unique)) unique = `${name};${++count}`;
    this.#counts.set(name, count);
    this.#taken.add(unique);
    return unique;
  }
}
