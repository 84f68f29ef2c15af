import { bitWidth, type DType, dtypeFromCode } from '../dtype.js';
import { CastOptions, FakeQuantOptions } from '../generated/options.js';
import { formatType } from '../tensor-type.js';
import { defineOp } from './op.js';
import { type AnySite, input, isFloat, output, refuse } from './site.js';

const ARITY = { inputs: [1, 1], outputs: [1, 1] } as const;

/** The dtype that the node declares for its output, which these ops choose freely. */
function declaredDtype(site: AnySite): DType {
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
  BITCAST: defineOp({
    ...ARITY,
    options: null,
    infer: (site) => {
      const source = input(site, 0, 'input');
      const dtype = declaredDtype(site);
      const ratio = bitWidth(source.dtype) / bitWidth(dtype);
      if (ratio === 1) return [output(site, 0, dtype, source.shape)];
      if (Number.isInteger(ratio)) return [output(site, 0, dtype, [...source.shape, ratio])];
      if (!Number.isInteger(1 / ratio) || source.shape.at(-1) !== 1 / ratio) {
        refuse(
          `Input 0 is ${formatType(source)}; expected a last dimension of ${1 / ratio} to make ${dtype} of.`,
        );
      }
      return [output(site, 0, dtype, source.shape.slice(0, -1))];
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
  FAKE_QUANT: defineOp({
    ...ARITY,
    options: FakeQuantOptions,
    infer: (site) => {
      const { dtype, shape } = input(site, 0, 'input');
      return [output(site, 0, dtype, shape)];
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
