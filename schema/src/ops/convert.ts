import { bitWidth, type DType, dtypeFromCode } from '../dtype.js';
import { CastOptions, FakeQuantOptions } from '../generated/options.js';
import { formatType } from '../tensor-type.js';
import { defineOp } from './op.js';
import {
  type AnySite,
  type DtypeVersions,
  input,
  inputVersion,
  isFloat,
  isPerChannel,
  output,
  outputVersion,
  refuse,
} from './site.js';

const ARITY = { inputs: [1, 1], outputs: [1, 1] } as const;

const CAST_VERSIONS: DtypeVersions = {
  uint32: 2,
  int8: 3,
  uint16: 4,
  float16: 5,
  float64: 5,
  bfloat16: 7,
  int2: 8,
};

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
    version: (site) =>
      Math.max(
        inputVersion(site, 0, { ...CAST_VERSIONS, int4: 6 }),
        outputVersion(site, 0, CAST_VERSIONS),
      ),
    infer: (site) => {
      const dtype =
        site.outputs[0]?.dtype ?? dtypeFromCode(site.options.outDataType) ?? declaredDtype(site);
      return [output(site, 0, dtype, input(site, 0, 'input').shape)];
    },
  }),
  BITCAST: defineOp({
    ...ARITY,
    options: null,
    version: () => 1,
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
    version: (site) =>
      Math.max(
        inputVersion(site, 0, { int4: 4 }),
        outputVersion(site, 0, { int16: 2, int4: 4 }),
        isPerChannel(site.outputs[0]) ? 3 : 1,
      ),
    infer: (site) => [output(site, 0, declaredDtype(site), input(site, 0, 'input').shape)],
  }),
  DEQUANTIZE: defineOp({
    ...ARITY,
    options: null,
    version: (site) =>
      inputVersion(site, 0, {
        int8: isPerChannel(site.inputs[0]) ? 5 : 2,
        int16: 3,
        float16: 3,
        int4: 6,
        int2: 7,
      }),
    infer: (site) => {
      const declared = site.outputs[0];
      const dtype = declared && isFloat(declared) ? declared.dtype : 'float32';
      return [{ dtype, shape: input(site, 0, 'input').shape }];
    },
  }),
  FAKE_QUANT: defineOp({
    ...ARITY,
    options: FakeQuantOptions,
    version: (site) => (site.options.narrowRange ? 2 : 1),
    infer: (site) => {
      const { dtype, shape } = input(site, 0, 'input');
      return [output(site, 0, dtype, shape)];
    },
  }),
  DENSIFY: defineOp({
    ...ARITY,
    options: null,
    version: () => 1,
    infer: (site) => {
      const { dtype, shape } = input(site, 0, 'sparse constant');
      return [output(site, 0, dtype, shape)];
    },
  }),
};
