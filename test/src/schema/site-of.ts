import { arrayType, type BuiltinNode, type OpSite, type Subgraph } from '@linnet/schema';

/** What a node of a file looks like to its op's record: constants are known, nothing else is. */
// biome-ignore lint/suspicious/noExplicitAny: the options' type depends on the op, which varies.
export function siteOf(node: BuiltinNode, { tensors }: Subgraph): OpSite<any> {
  return {
    options: node.options,
    inputs: node.inputs.map((index) => tensors[index] ?? null),
    outputs: node.outputs.flatMap((index) => tensors[index] ?? []),
    value(index) {
      const constant = tensors[node.inputs[index] ?? -1];
      const TypedArray = constant && arrayType(constant.dtype);
      if (!constant?.data || !TypedArray || /int[24]$/.test(constant.dtype)) return undefined;
      return new TypedArray(constant.data.slice().buffer);
    },
  };
}
