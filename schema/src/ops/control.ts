import {
  CallOnceOptions,
  IfOptions,
  StableHLOCompositeOptions,
  VarHandleOptions,
  WhileOptions,
} from '../generated/options.js';
import type { TensorType } from '../tensor-type.js';
import { defineOp } from './op.js';
import { type AnySite, output, refuse, requireDtype } from './site.js';

/**
 * The outputs as declared: what they are is decided by a subgraph or by what a variable holds, of
 * which the node itself shows nothing.
 */
function declared(site: AnySite): readonly TensorType[] {
  return site.outputs.map(({ dtype, shape }, index) => output(site, index, dtype, shape));
}

/** Ops that call subgraphs or keep values from one run to the next. */
export const CONTROL_OPS = {
  /** Inputs: condition, arguments of the chosen subgraph. */
  IF: defineOp({
    options: IfOptions,
    inputs: [1, Infinity],
    outputs: [0, Infinity],
    subgraphs: (options) => [options.thenSubgraphIndex, options.elseSubgraphIndex],
    infer: (site) => {
      requireDtype(site, 0, 'condition', 'bool');
      return declared(site);
    },
  }),
  /** Inputs and outputs are the loop variables; both subgraphs take them all. */
  WHILE: defineOp({
    options: WhileOptions,
    inputs: [0, Infinity],
    outputs: [0, Infinity],
    subgraphs: (options) => [options.condSubgraphIndex, options.bodySubgraphIndex],
    infer: (site) => {
      if (site.inputs.length !== site.outputs.length) {
        refuse(
          `The node has ${site.inputs.length} inputs and ${site.outputs.length} outputs; a loop gives back what it takes.`,
        );
      }
      return declared(site);
    },
  }),
  CALL_ONCE: defineOp({
    options: CallOnceOptions,
    inputs: [0, 0],
    outputs: [0, 0],
    sideEffect: true,
    subgraphs: (options) => [options.initSubgraphIndex],
    infer: () => [],
  }),
  VAR_HANDLE: defineOp({
    options: VarHandleOptions,
    inputs: [0, 0],
    outputs: [1, 1],
    infer: (site) => [{ dtype: 'resource', shape: site.outputs[0]?.shape ?? [] }],
  }),
  READ_VARIABLE: defineOp({
    options: null,
    inputs: [1, 1],
    outputs: [1, 1],
    infer: (site) => {
      requireDtype(site, 0, 'variable', 'resource');
      return declared(site);
    },
  }),
  /** Inputs: variable, value. */
  ASSIGN_VARIABLE: defineOp({
    options: null,
    inputs: [2, 2],
    outputs: [0, 0],
    sideEffect: true,
    infer: (site) => {
      requireDtype(site, 0, 'variable', 'resource');
      return [];
    },
  }),
  /** A named op of another vocabulary, spelled out in a subgraph. */
  STABLEHLO_COMPOSITE: defineOp({
    options: StableHLOCompositeOptions,
    inputs: [0, Infinity],
    outputs: [0, Infinity],
    subgraphs: (options) => [options.decompositionSubgraphIndex],
    infer: declared,
  }),
};
