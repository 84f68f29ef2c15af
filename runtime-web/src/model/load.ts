import {
  LinnetError,
  type Model,
  type NamedTensor,
  type OpRecords,
  type Signature,
  type Subgraph,
} from '@linnet/schema';
import { checkOrder, checkVocabulary, subgraphName, tensorName } from './check.js';
import { type ConstantReaders, type ConstantSite, readConstant, storedType } from './constants.js';
import type { ControlFlow } from './control.js';
import { type ExecutableModel, type Graph, type GraphTensor, graphNode } from './graph.js';
import { StringPool } from './strings.js';

/**
 * Makes a file that has been read, with the records of its ops, executable.
 *
 * @param control null for models without nodes that call subgraphs
 * @throws LinnetError of code UNSUPPORTED (ops outside the vocabulary, all of them at once) or
 * INVALID_MODEL (nodes out of order, wrong numbers of tensors, damaged constants)
 */
export function executable(
  model: Model,
  records: OpRecords,
  control: ControlFlow | null,
  readers: ConstantReaders,
): ExecutableModel {
  if (model.subgraphs.length === 0) {
    throw new LinnetError('INVALID_MODEL', 'The model has no graph.');
  }
  checkVocabulary(model);
  model.subgraphs.forEach((subgraph, index) => {
    checkOrder(model, subgraph, index, records, control);
  });
  const strings = new StringPool();
  const subgraphs = control?.inlineComposites(model) ?? model.subgraphs;
  const graphs = subgraphs.map((subgraph, index) =>
    toGraph(subgraph, index, { strings, ...readers }),
  );
  return { graphs, signatures: signaturesOf(model, graphs), strings, records };
}

function toGraph(
  subgraph: Subgraph,
  index: number,
  shared: Pick<ConstantSite, 'strings'> & ConstantReaders,
): Graph {
  const name = subgraphName(subgraph, index);
  const used = new Set([
    ...subgraph.operators.flatMap((node) => [...node.inputs, ...node.outputs]),
    ...subgraph.inputs,
    ...subgraph.outputs,
  ]);
  const computed = new Set(subgraph.operators.flatMap((node) => node.outputs));
  const written = new Set([...computed, ...subgraph.inputs]);
  const tensors = subgraph.tensors.map((tensor, position): GraphTensor => {
    const where = { subgraph: name, tensor: tensorName(subgraph, position) };
    const type = storedType(tensor);
    if (type.dtype !== tensor.dtype && computed.has(position) && tensor.data === null) {
      throw new LinnetError(
        'UNSUPPORTED',
        `Only constants and inputs may be ${tensor.dtype}; this tensor is computed.`,
        where,
      );
    }
    const isEmpty = type.shape.includes(0) && !written.has(position);
    const isConstant = used.has(position) && (tensor.data !== null || isEmpty);
    try {
      const site = { id: `${index}:${position}`, tensors: subgraph.tensors, ...shared };
      return {
        name: tensorName(subgraph, position),
        type,
        constant: isConstant ? readConstant(tensor, site) : null,
        isVariable: tensor.isVariable,
      };
    } catch (error) {
      throw error instanceof LinnetError ? error.at(where) : error;
    }
  });
  return {
    index,
    name,
    tensors,
    nodes: subgraph.operators.flatMap((node, position) =>
      node.op === null ? [] : [graphNode(node, `#${position}`)],
    ),
    inputs: subgraph.inputs,
    outputs: subgraph.outputs,
  };
}

/** The file's entry points, or one for the main graph whose names are its tensors'. */
function signaturesOf(model: Model, graphs: readonly Graph[]): readonly Signature[] {
  const main = model.subgraphs[0] as Subgraph;
  const named = (tensor: number) => ({ name: tensorName(main, tensor), tensor });
  const unnamed = {
    key: '',
    subgraph: 0,
    inputs: main.inputs.map(named),
    outputs: main.outputs.map(named),
  };
  const signatures = model.signatures.length > 0 ? model.signatures : [unnamed];
  return signatures.map((signature) => {
    const subgraph = model.subgraphs[signature.subgraph] as Subgraph;
    const graph = graphs[signature.subgraph] as Graph;
    // Inlining may have put another tensor in an output's place, so places count.
    const relocate = (tensors: readonly NamedTensor[], side: 'inputs' | 'outputs') =>
      tensors.map(({ name, tensor }): NamedTensor => {
        const position = subgraph[side].indexOf(tensor);
        if (position >= 0) return { name, tensor: graph[side][position] as number };
        throw new LinnetError(
          'INVALID_MODEL',
          `Signature "${signature.key}" names "${name}", which is not among the ${side} of its graph.`,
        );
      });
    return {
      ...signature,
      inputs: relocate(signature.inputs, 'inputs'),
      outputs: relocate(signature.outputs, 'outputs'),
    };
  });
}
