import { LinnetError, type Model, type Operator, type Subgraph, type Tensor } from '@linnet/schema';

/** Nesting composites can double a graph at each level; no honest model comes near. */
const MAX_NODES = 200_000;

/**
 * The model's subgraphs with each STABLEHLO_COMPOSITE replaced by the nodes of its decomposition,
 * which say the same in terms of builtins. `read` has made sure that calls form no ring.
 */
export function inlineComposites(model: Model): readonly Subgraph[] {
  const done = new Map<number, Subgraph>();
  const inlined = (index: number): Subgraph => {
    const earlier = done.get(index);
    if (earlier !== undefined) return earlier;
    const subgraph = model.subgraphs[index] as Subgraph;
    const result = subgraph.operators.some((node) => node.op === 'STABLEHLO_COMPOSITE')
      ? inlineInto(subgraph, inlined)
      : subgraph;
    done.set(index, result);
    return result;
  };
  return model.subgraphs.map((_, index) => inlined(index));
}

function inlineInto(caller: Subgraph, inlined: (index: number) => Subgraph): Subgraph {
  const tensors: Tensor[] = [...caller.tensors];
  const operators: Operator[] = [];
  // Outputs of composites that hand through an input or a constant: readers are redirected.
  const redirected = new Map<number, number>();
  const resolve = (tensor: number) => redirected.get(tensor) ?? tensor;
  for (const node of caller.operators) {
    const inputs = node.inputs.map(resolve);
    if (node.op !== 'STABLEHLO_COMPOSITE') {
      operators.push({ ...node, inputs });
      continue;
    }
    const callee = inlined(node.options.decompositionSubgraphIndex);
    const offset = tensors.length;
    const renamed = new Map<number, number>(
      callee.inputs.map((tensor, i) => [tensor, inputs[i] as number]),
    );
    callee.outputs.forEach((tensor, i) => {
      const output = node.outputs[i] as number;
      if (!renamed.has(tensor) && callee.tensors[tensor]?.data == null) renamed.set(tensor, output);
      else redirected.set(output, renamed.get(tensor) ?? offset + tensor);
    });
    const rename = (tensor: number) =>
      tensor < 0 ? tensor : (renamed.get(tensor) ?? offset + tensor);
    for (const tensor of callee.tensors) tensors.push(relocate(tensor, offset));
    for (const inner of callee.operators) {
      operators.push({
        ...inner,
        inputs: inner.inputs.map(rename),
        outputs: inner.outputs.map(rename),
        ...(inner.op !== null &&
          inner.intermediates && { intermediates: inner.intermediates.map(rename) }),
      } as Operator);
    }
    if (operators.length > MAX_NODES) {
      throw new LinnetError(
        'UNSUPPORTED',
        `The model's composites expand to more than ${MAX_NODES} nodes.`,
        { subgraph: caller.name },
      );
    }
  }
  return { ...caller, tensors, operators, outputs: caller.outputs.map(resolve) };
}

/** Blockwise quantization names other tensors by their index. */
function relocate(tensor: Tensor, offset: number): Tensor {
  const { quantization } = tensor;
  if (quantization?.kind !== 'blockwise') return tensor;
  const { scales, zeroPoints } = quantization;
  return {
    ...tensor,
    quantization: {
      ...quantization,
      scales: scales + offset,
      zeroPoints: zeroPoints < 0 ? -1 : zeroPoints + offset,
    },
  };
}
