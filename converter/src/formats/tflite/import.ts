import {
  bitWidth,
  byteLength,
  elementCount,
  type Signature as FileSignature,
  type Tensor as FileTensor,
  type ForeignNode,
  formatType,
  invariant,
  LinnetError,
  MIN_RUNTIME_VERSION,
  type Model,
  type NamedTensor,
  type Subgraph,
  type TensorType,
} from '@linnet/schema';
import { throwIfAborted } from '../../abort.js';
import { GraphBuilder } from '../../graph/builder.js';
import { pruneGraphs } from '../../graph/calls.js';
import { violations } from '../../graph/check.js';
import type { Graph, Program, Signature, TensorId } from '../../graph/graph.js';
import type { OpenOptions } from '../format.js';

/** The key that files without signatures get. Source: TensorFlow's default. */
const DEFAULT_SIGNATURE = 'serving_default';

/**
 * Takes a file's model as a program. Types are inferred anew, so that shapes in the file are hints
 * only; quantization, variables and control flow are kept.
 */
export function importModel(model: Model, options: OpenOptions): Program {
  refuseForeign(model);
  const chosen = chooseSignatures(model, options.signatures);
  const graphs = model.subgraphs.map((subgraph, index) => {
    throwIfAborted(options.signal);
    const signature = chosen.find((candidate) => candidate.subgraph === index);
    return new SubgraphImporter(subgraph, `${index}`).import(inputShapes(signature, options));
  });
  const signatures = chosen.map(({ key, subgraph, inputs, outputs }): Signature => {
    const graph = graphs[subgraph]!;
    const file = model.subgraphs[subgraph]!;
    return {
      key,
      graph,
      inputNames: publicNames(file, file.inputs, inputs),
      outputNames: publicNames(file, file.outputs, outputs),
    };
  });
  const program = pruneGraphs({
    graphs,
    signatures,
    metadata: model.metadata.filter(({ name }) => name !== MIN_RUNTIME_VERSION),
    description: model.description,
  });
  for (const graph of program.graphs) refuseMalformed(graph);
  return program;
}

/** What is wrong with a graph right after reading is wrong with the file. */
function refuseMalformed(graph: Graph): void {
  const [first, ...more] = violations(graph);
  if (first === undefined) return;
  throw new LinnetError('INVALID_MODEL', first, { subgraph: graph.name }, more);
}

/** @throws LinnetError UNSUPPORTED that lists every op outside the vocabulary, once, with its count. */
function refuseForeign(model: Model): void {
  const found = new Map<string, number>();
  const foreign = model.subgraphs.flatMap(({ operators }) =>
    operators.filter((node): node is ForeignNode => node.op === null),
  );
  if (foreign.length === 0) return;
  for (const { foreignName } of foreign) found.set(foreignName, (found.get(foreignName) ?? 0) + 1);
  throw new LinnetError(
    'UNSUPPORTED',
    `the model has ${foreign.length} nodes of ${found.size} ops that are not supported`,
    {},
    [
      ...[...found].map(([name, count]) => `${name}: ${count} ${count === 1 ? 'node' : 'nodes'}`),
      'Replace these ops in the source model, or leave out the part that uses them.',
    ],
  );
}

function chooseSignatures(
  model: Model,
  keys: readonly string[] | undefined,
): readonly FileSignature[] {
  const main = model.subgraphs[0];
  if (main === undefined) throw new LinnetError('INVALID_MODEL', 'the model has no subgraph');
  const named = (indices: readonly number[]) =>
    indices.map((tensor) => ({ name: main.tensors[tensor]!.name, tensor }));
  const all: readonly FileSignature[] =
    model.signatures.length > 0
      ? model.signatures
      : [
          {
            key: DEFAULT_SIGNATURE,
            subgraph: 0,
            inputs: named(main.inputs),
            outputs: named(main.outputs),
          },
        ];
  if (keys === undefined) return all;
  return keys.map((key) => {
    const signature = all.find((candidate) => candidate.key === key);
    if (signature !== undefined) return signature;
    throw new LinnetError('INVALID_ARGUMENT', `the model has no signature ${key}`, {}, [
      `it has: ${all.map((candidate) => candidate.key).join(', ')}`,
    ]);
  });
}

/** Public names in the order of a graph's inputs or outputs. */
function publicNames(
  subgraph: Subgraph,
  order: readonly number[],
  named: readonly NamedTensor[],
): readonly string[] {
  const left = [...named];
  return order.map((tensor) => {
    const at = left.findIndex((entry) => entry.tensor === tensor);
    return at < 0 ? subgraph.tensors[tensor]!.name : left.splice(at, 1)[0]!.name;
  });
}

/** Shapes that the caller gives for inputs, by tensor index. */
function inputShapes(
  signature: FileSignature | undefined,
  { inputShapes: shapes = {} }: OpenOptions,
): ReadonlyMap<number, readonly number[]> {
  const known = new Map<number, readonly number[]>();
  if (signature === undefined) return known;
  for (const [name, shape] of Object.entries(shapes)) {
    const input = signature.inputs.find((candidate) => candidate.name === name);
    if (input === undefined) {
      throw new LinnetError('INVALID_ARGUMENT', `the model has no input ${name}`, {}, [
        `it has: ${signature.inputs.map((candidate) => candidate.name).join(', ')}`,
      ]);
    }
    known.set(input.tensor, shape);
  }
  return known;
}

/** Files say twice how large a constant is: by its type, and by its buffer. */
function checkSize({ name, dtype, shape, sparsity }: FileTensor, data: Uint8Array): void {
  if (sparsity !== undefined || bitWidth(dtype) === 0) return;
  const count = elementCount(shape);
  const expected = count === undefined ? undefined : byteLength(dtype, count);
  if (expected === data.byteLength) return;
  throw new LinnetError(
    'INVALID_MODEL',
    `a constant ${formatType({ dtype, shape })} has ${data.byteLength} bytes; expected ${expected ?? 'a known shape'}`,
    { tensor: name },
  );
}

class SubgraphImporter {
  readonly #builder: GraphBuilder;
  readonly #ids = new Map<number, TensorId>();

  constructor(
    readonly subgraph: Subgraph,
    fallbackName: string,
  ) {
    this.#builder = new GraphBuilder(subgraph.name === '' ? fallbackName : subgraph.name);
  }

  import(shapes: ReadonlyMap<number, readonly number[]>): Graph {
    const { subgraph } = this;
    for (const index of subgraph.inputs) {
      const tensor = subgraph.tensors[index]!;
      const type = { ...this.#type(tensor), shape: shapes.get(index) ?? tensor.shape };
      this.#ids.set(index, this.#builder.input(tensor.name, type));
    }
    for (const node of subgraph.operators) {
      invariant(node.op !== null, 'ops outside the vocabulary were refused');
      const { op, options, inputs, outputs } = node;
      const steering = node.intermediates?.map((index) => subgraph.tensors[index]!);
      const declared = outputs.map((index) => this.#type(subgraph.tensors[index]!));
      const name = outputs[0] === undefined ? op : subgraph.tensors[outputs[0]]!.name;
      const made = this.#builder.add(
        op,
        inputs.map((index) => (index < 0 ? null : this.#id(index))),
        options as never,
        { name, outputs: declared, ...(steering && { intermediates: steering }) },
      );
      if (made.length !== outputs.length) {
        throw new LinnetError(
          'INVALID_MODEL',
          `found ${outputs.length} outputs; expected ${made.length}`,
          { node: name, op },
        );
      }
      for (const [position, index] of outputs.entries()) this.#ids.set(index, made[position]!);
    }
    return this.#builder.finish(subgraph.outputs.map((index) => this.#id(index)));
  }

  /** The tensor of an index; constants and variables are added when they are first needed. */
  #id(index: number): TensorId {
    const known = this.#ids.get(index);
    if (known !== undefined) return known;
    const tensor = this.subgraph.tensors[index]!;
    const id = this.#source(tensor);
    this.#ids.set(index, id);
    return id;
  }

  #source(tensor: FileTensor): TensorId {
    const { name, data, sparsity } = tensor;
    const type = this.#type(tensor);
    if (tensor.isVariable) return this.#builder.variable(name, type);
    if (data !== null) {
      checkSize(tensor, data);
      return this.#builder.constant(name, type, data, sparsity === undefined ? {} : { sparsity });
    }
    // A constant without elements has no buffer.
    if (elementCount(tensor.shape) === 0)
      return this.#builder.constant(name, type, new Uint8Array());
    throw new LinnetError('INVALID_MODEL', 'a tensor is read before any node makes it', {
      tensor: name,
      subgraph: this.subgraph.name,
    });
  }

  /** The type with the tensors that hold blockwise scales and zero points as ids. */
  #type({ dtype, shape, quantization }: FileTensor): TensorType {
    if (quantization === undefined) return { dtype, shape };
    if (quantization.kind === 'affine') return { dtype, shape, quantization };
    const { scales, zeroPoints } = quantization;
    return {
      dtype,
      shape,
      quantization: {
        ...quantization,
        scales: this.#id(scales),
        zeroPoints: zeroPoints < 0 ? -1 : this.#id(zeroPoints),
      },
    };
  }
}
