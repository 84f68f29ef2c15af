import type { ReferenceFamily, TensorValue } from './kernel.js';
import { fromIntegers, required } from './values.js';

function all(inputs: readonly (TensorValue | null)[]): TensorValue[] {
  return inputs.map((_, i) => required(inputs, i));
}

function handleOf(value: TensorValue): number {
  return Number(value.elements[0]);
}

export const CONTROL: ReferenceFamily<
  | 'IF'
  | 'WHILE'
  | 'CALL_ONCE'
  | 'VAR_HANDLE'
  | 'READ_VARIABLE'
  | 'ASSIGN_VARIABLE'
  | 'STABLEHLO_COMPOSITE'
> = {
  IF: ({ inputs, options, environment }) => {
    const [condition, ...rest] = all(inputs);
    const { thenSubgraphIndex, elseSubgraphIndex } = options;
    const branch = Number(condition!.elements[0]) !== 0 ? thenSubgraphIndex : elseSubgraphIndex;
    return environment.runSubgraph(branch, rest);
  },

  WHILE: ({ inputs, options, environment }) => {
    let values: readonly TensorValue[] = all(inputs);
    for (;;) {
      const [goOn] = environment.runSubgraph(options.condSubgraphIndex, values);
      if (Number(goOn?.elements[0] ?? 0) === 0) return values;
      values = environment.runSubgraph(options.bodySubgraphIndex, values);
    }
  },

  CALL_ONCE: ({ options, environment }) => {
    environment.runOnce(options.initSubgraphIndex);
    return [];
  },

  VAR_HANDLE: ({ outputs, options, environment }) => {
    const name = (text: unknown) => (text === null ? '' : String(text));
    const handle = environment.variables.handle(name(options.container), name(options.sharedName));
    return [fromIntegers(outputs[0]!, [BigInt(handle)])];
  },

  READ_VARIABLE: ({ inputs, environment }) => [
    environment.variables.read(handleOf(required(inputs, 0))),
  ],

  ASSIGN_VARIABLE: ({ inputs, environment }) => {
    environment.variables.assign(handleOf(required(inputs, 0)), required(inputs, 1));
    return [];
  },

  /** An op of another dialect, run as its decomposition into ops of the vocabulary. */
  STABLEHLO_COMPOSITE: ({ inputs, options, environment }) =>
    environment.runSubgraph(options.decompositionSubgraphIndex, all(inputs)),
};
