import {
  type DType,
  dtypeCode,
  invariant,
  LinnetError,
  opRecord,
  type TensorType,
  UNKNOWN_DIM,
} from '@linnet/schema';
import { GraphBuilder } from '../../graph/builder.js';
import type { Graph, TensorId } from '../../graph/graph.js';
import { type Branch, branch, branchArguments } from './branch.js';
import { graphDType } from './dtype.js';
import type { FlatGraph } from './flatten.js';
import type { TfNode, TfRef } from './node.js';
import { TF_OPS } from './ops/index.js';
import { topologicalOrder } from './order.js';
import { type GraphAccess, Site } from './site.js';
import type { TfTensor } from './tensor.js';
import { isVariable, variableOf } from './variables.js';

/** What all graphs of a program share while they are imported. */
export interface ProgramAccess {
  /** Contents of the variables that are read, by name, in the dtypes that graphs compute in. */
  readonly variables: ReadonlyMap<string, TfTensor>;
  /** Names of the variables that some signature writes; the others are constants. */
  readonly written: ReadonlySet<string>;
  /** Adds a graph that control flow refers to; returns its index in the program. */
  addGraph(graph: Graph): number;
  /** Index of the graph that gives the written variables their first values. */
  initializer(): number;
}

/** Writes one flat TensorFlow graph as a graph of builtins. */
export class GraphImporter implements GraphAccess {
  readonly builder: GraphBuilder;
  private readonly values = new Map<TfNode, readonly TensorId[]>();
  private readonly handles = new Map<string, TensorId>();
  private readonly constants = new Map<string, TensorId>();

  constructor(
    private readonly program: ProgramAccess,
    private readonly flat: FlatGraph,
    name: string,
  ) {
    this.builder = new GraphBuilder(name);
  }

  /** Makes a node a graph input. Half precision comes in as the caller has it, and is widened. */
  input(node: TfNode, name: string, type: TensorType): void {
    this.values.set(node, [this.cast(this.builder.input(name, type), graphDType(type.dtype))]);
  }

  /** Imports what `outputs` and `effects` need. */
  run(outputs: readonly TfRef[], effects: readonly TfNode[] = []): void {
    for (const node of topologicalOrder(outputs, effects)) {
      const isReference = isVariable(node) || variableOf({ node, index: 0 }) !== undefined;
      if (!isReference && !this.values.has(node)) this.values.set(node, this.import(node));
    }
  }

  /** The graph that returns `refs`, as the dtypes given where they are. */
  finish(refs: readonly TfRef[], dtypes: readonly (DType | undefined)[] = []): Graph {
    const graph = this.builder.finish(
      refs.map((ref, index) => {
        const id = this.value(ref);
        return this.cast(id, dtypes[index] ?? this.builder.type(id).dtype);
      }),
    );
    sweep(graph);
    return graph;
  }

  tensor(node: TfNode, index: number): TensorId {
    return this.value(node.inputs[index]!);
  }

  constant(node: TfNode, tensor: TfTensor): TensorId {
    return this.builder.constant(
      node.name,
      { dtype: tensor.dtype, shape: tensor.shape },
      tensor.data,
    );
  }

  readVariable(node: TfNode, index: number): TensorId {
    return this.read(this.variable(node, index));
  }

  writeVariable(node: TfNode, index: number, value: TensorId): void {
    const handle = this.handle(this.variable(node, index));
    this.builder.add('ASSIGN_VARIABLE', [handle, value], {}, { name: node.name });
  }

  conditional(node: TfNode): readonly TensorId[] {
    const args = branchArguments(node);
    const types = this.argumentTypes(args);
    const [whenTrue, whenFalse] = ['then_branch', 'else_branch'].map((attr) =>
      this.subgraph(branch(this.flat, node, attr, args), types),
    );
    return this.builder.add(
      'IF',
      [this.tensor(node, 0), ...this.arguments(args)],
      {
        thenSubgraphIndex: this.program.addGraph(whenTrue!.graph),
        elseSubgraphIndex: this.program.addGraph(whenFalse!.graph),
      },
      { name: node.name, outputs: merge(whenTrue!.types, whenFalse!.types) },
    );
  }

  loop(node: TfNode): readonly TensorId[] {
    let types = this.argumentTypes(node.inputs);
    const cond = () => this.subgraph(branch(this.flat, node, 'cond', node.inputs), types);
    const body = () => this.subgraph(branch(this.flat, node, 'body', node.inputs), types);
    // A value whose size changes from turn to turn has no size that holds for all of them.
    let turn = body();
    for (let after = merge(types, turn.types); !sameShapes(types, after); ) {
      types = after;
      turn = body();
      after = merge(types, turn.types);
    }
    const outputs = this.builder.add(
      'WHILE',
      this.arguments(node.inputs),
      {
        condSubgraphIndex: this.program.addGraph(cond().graph),
        bodySubgraphIndex: this.program.addGraph(turn.graph),
      },
      { name: node.name, outputs: types },
    );
    // Variables among the arguments are no tensors; the other outputs keep their places.
    let next = 0;
    return node.inputs.map((ref) => (variableOf(ref) === undefined ? outputs[next++]! : -1));
  }

  private import(node: TfNode): readonly TensorId[] {
    const importer = Object.hasOwn(TF_OPS, node.op) ? TF_OPS[node.op] : undefined;
    invariant(importer !== undefined, `there is no importer for ${node.op}`);
    try {
      const outputs = importer(new Site(node, this));
      return typeof outputs === 'number' ? [outputs] : outputs;
    } catch (error) {
      throw error instanceof LinnetError ? error.at({ node: node.name, op: node.op }) : error;
    }
  }

  value(ref: TfRef): TensorId {
    const variable = variableOf(ref);
    if (variable !== undefined) return this.read(variable);
    const id = this.values.get(ref.node)?.[ref.index];
    if (id !== undefined && id >= 0) return id;
    const { name, op } = ref.node;
    throw new LinnetError('UNSUPPORTED', `output ${ref.index} of ${op} ${name} is not supported`, {
      node: name,
      op,
    });
  }

  private variable(node: TfNode, index: number): TfNode {
    const ref = node.inputs[index];
    const variable = ref && variableOf(ref);
    if (variable !== undefined) return variable;
    throw new LinnetError('UNSUPPORTED', 'the variable is chosen while the model runs', {
      node: node.name,
      op: node.op,
    });
  }

  private read(variable: TfNode): TensorId {
    const { name } = variable;
    const value = this.program.variables.get(name);
    invariant(value !== undefined, `the variable ${name} was not read`);
    if (this.program.written.has(name)) {
      const { dtype, shape } = value;
      const extras = { name, outputs: [{ dtype, shape }] };
      return this.builder.add('READ_VARIABLE', [this.handle(variable)], {}, extras)[0]!;
    }
    const known = this.constants.get(name);
    if (known !== undefined) return known;
    const id = this.constant(variable, value);
    this.constants.set(name, id);
    return id;
  }

  private handle({ name }: TfNode): TensorId {
    const known = this.handles.get(name);
    if (known !== undefined) return known;
    if (this.handles.size === 0) {
      const options = { initSubgraphIndex: this.program.initializer() };
      this.builder.add('CALL_ONCE', [], options, { name: 'initialize variables' });
    }
    const id = addHandle(this.builder, name);
    this.handles.set(name, id);
    return id;
  }

  /** The arguments that are tensors; variables are known by name in every graph. */
  private arguments(refs: readonly TfRef[]): readonly TensorId[] {
    return refs.filter((ref) => variableOf(ref) === undefined).map((ref) => this.value(ref));
  }

  private argumentTypes(refs: readonly TfRef[]): readonly TensorType[] {
    return this.arguments(refs).map((id) => {
      const { dtype, shape } = this.builder.type(id);
      return { dtype, shape };
    });
  }

  /** Imports a branch as a graph of its own, whose inputs have the types given. */
  private subgraph(
    { name, parameters, outputs, effects }: Branch,
    types: readonly TensorType[],
  ): { readonly graph: Graph; readonly types: readonly TensorType[] } {
    const importer = new GraphImporter(this.program, this.flat, name);
    for (const [index, node] of parameters.entries()) {
      importer.input(node, node.name, types[index]!);
    }
    const tensors = outputs.filter((ref) => variableOf(ref) === undefined);
    importer.run(tensors, effects);
    const graph = importer.finish(tensors);
    return { graph, types: graph.outputs.map((id) => graph.tensor(id)) };
  }

  private cast(id: TensorId, dtype: DType): TensorId {
    const { name, dtype: from, shape } = this.builder.type(id);
    if (from === dtype) return id;
    const options = { inDataType: dtypeCode(from), outDataType: dtypeCode(dtype) };
    return this.builder.add('CAST', [id], options, { name, outputs: [{ dtype, shape }] })[0]!;
  }
}

/** Removes what importers asked for on the way but nothing reads. */
function sweep(graph: Graph): void {
  for (const node of [...graph.nodes.values()].reverse()) {
    const isRead = node.outputs.some((id) => graph.isRead(id));
    if (!isRead && opRecord(node.op).sideEffect === undefined) graph.deleteNode(node.id);
  }
  for (const id of [...graph.tensors.keys()]) {
    const isMade = graph.inputs.includes(id) || graph.producer(id) !== undefined;
    if (!isMade && !graph.isRead(id)) graph.deleteTensor(id);
  }
}

/** The graph that stores first values in variables. */
export function initializerGraph(variables: ReadonlyMap<string, TfTensor>): Graph {
  const builder = new GraphBuilder('initialize variables');
  for (const [name, { dtype, shape, data }] of variables) {
    const value = builder.constant(name, { dtype, shape }, data);
    builder.add('ASSIGN_VARIABLE', [addHandle(builder, name), value], {}, { name });
  }
  return builder.finish([]);
}

function addHandle(builder: GraphBuilder, name: string): TensorId {
  const extras = { name, outputs: [{ dtype: 'resource', shape: [] }] } as const;
  return builder.add('VAR_HANDLE', [], { container: '', sharedName: name }, extras)[0]!;
}

/** What holds for two tensors: dimensions that differ are unknown. */
function merge(a: readonly TensorType[], b: readonly TensorType[]): readonly TensorType[] {
  return a.map(({ dtype, shape }, index) => {
    const other = b[index]?.shape;
    if (other?.length !== shape.length) {
      throw new LinnetError(
        'UNSUPPORTED',
        `value ${index} of the conditional or loop has a rank that changes`,
      );
    }
    return { dtype, shape: shape.map((dim, axis) => (dim === other[axis] ? dim : UNKNOWN_DIM)) };
  });
}

function sameShapes(a: readonly TensorType[], b: readonly TensorType[]): boolean {
  return a.every(({ shape }, index) => shape.every((dim, axis) => dim === b[index]!.shape[axis]));
}
