import { type DType, dtypeFromCode } from '../dtype.js';
import { CastOptions } from '../generated/options.js';
import { defineOp } from './op.js';
import { type AnySite, input, isFloat, output, refuse } from './site.js';

const ARITY = { inputs: [1, 1], outputs: [1, 1] } as const;

/** The dtype that the node declares for its output, which these ops choose freely. */
export function declaredDtype(site: AnySite): DType {
  return (
    site.outputs[0]?.dtype ?? refuse('The node declares no output, which decides the dtype here.')
  );
}

/** Ops that change how elements are represented. */
export const CONVERT_OPS = {
  CAST: defineOp({
    ...ARITY,
    options: CastOptions,
    infer: (site) => {
      const dtype =
        site.outputs[0]?.dtype ?? dtypeFromCode(site.options.outDataType) ?? declaredDtype(site);
      return [output(site, 0, dtype, input(site, 0, 'input').shape)];
    },
  }),
  QUANTIZE: defineOp({
    ...ARITY,
    options: null,
    infer: (site) => [output(site, 0, declaredDtype(site), input(site, 0, 'input').shape)],
  }),
  DEQUANTIZE: defineOp({
    ...ARITY,
    options: null,
    infer: (site) => {
      const declared = site.outputs[0];
      const dtype = declared && isFloat(declared) ? declared.dtype : 'float32';
      return [{ dtype, shape: input(site, 0, 'input').shape }];
    },
  }),
  DENSIFY: defineOp({
    ...ARITY,
    options: null,
    infer: (site) => {
      const { dtype, shape } = input(site, 0, 'sparse constant');
      return [output(site, 0, dtype, shape)];
    },
  }),
};
