import type { DType } from '../dtype.js';
import { AddOptions, DivOptions, MulOptions, SubOptions } from '../generated/options.js';
import { formatType, type TensorType } from '../tensor-type.js';
import { defineOp, type NoOptions, type OpRecord } from './op.js';
import {
  type AnySite,
  broadcast,
  computedDtype,
  type DtypeVersions,
  input,
  inputVersion,
  output,
  refuse,
  requireDtype,
  requireSameDtype,
  unify,
} from './site.js';

const TWO = { inputs: [2, 2], outputs: [1, 1] } as const;

/** Two operands of one dtype, broadcast against each other. */
function arithmetic(site: AnySite): readonly TensorType[] {
  requireSameDtype(site, 0, 1);
  const a = input(site, 0, 'operand');
  const b = input(site, 1, 'operand');
  return [output(site, 0, computedDtype(site, a.dtype), broadcast(a.shape, b.shape))];
}

function comparison(site: AnySite): readonly TensorType[] {
  return [output(site, 0, 'bool', arithmetic(site)[0]?.shape ?? [])];
}

/** The version that broadcasting beyond four dimensions asks for. */
function highRankVersion(site: AnySite, version: number): number {
  const [a, b] = site.inputs.map((type) => type?.shape ?? []);
  const differs = String(a) !== String(b);
  return differs && Math.max(a?.length ?? 0, b?.length ?? 0) > 4 ? version : 1;
}

function plainBinary(
  infer: (site: AnySite) => readonly TensorType[],
  versions: DtypeVersions = {},
): OpRecord<NoOptions> {
  return defineOp({
    ...TWO,
    options: null,
    version: (site) => inputVersion(site, 0, versions),
    infer,
  });
}

function extremum(): OpRecord<NoOptions> {
  return defineOp({
    ...TWO,
    options: null,
    version: (site) =>
      Math.max(inputVersion(site, 0, { int8: 2, int16: 4 }), highRankVersion(site, 3)),
    infer: arithmetic,
  });
}

function restricted(...dtypes: DType[]): (site: AnySite) => readonly TensorType[] {
  return (site) => {
    requireDtype(site, 0, 'operand', ...dtypes);
    return arithmetic(site);
  };
}

const logical = restricted('bool');
const bitwise = restricted(
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
);

function isInt16Result(site: AnySite): boolean {
  return site.inputs[0]?.dtype === 'int16' && site.outputs[0]?.dtype === 'int16';
}

/** The factor by which MUL rescales its integer product; undefined when a scale is missing. */
function mulRescale(site: AnySite): number | undefined {
  const scales = [...site.inputs, site.outputs[0]].map((type) =>
    type?.quantization?.kind === 'affine' ? type.quantization.scale[0] : undefined,
  );
  const [a, b, result] = scales;
  return a && b && result ? (a * b) / result : undefined;
}

/** Elementwise ops of several operands, which broadcast unless the op says otherwise. */
export const BINARY_OPS = {
  ADD: defineOp({
    ...TWO,
    options: AddOptions,
    version: (site) =>
      Math.max(
        inputVersion(site, 0, {
          int8: 2,
          int64: 4,
          int16: site.inputs[0]?.quantization ? 1 : 5,
          float16: 6,
        }),
        isInt16Result(site) && !site.options.potScaleInt16 ? 3 : 1,
      ),
    infer: arithmetic,
  }),
  SUB: defineOp({
    ...TWO,
    options: SubOptions,
    version: (site) =>
      Math.max(
        inputVersion(site, 0, { int8: 2, int64: 4 }),
        highRankVersion(site, 3),
        isInt16Result(site) && !site.options.potScaleInt16 ? 5 : 1,
      ),
    infer: arithmetic,
  }),
  MUL: defineOp({
    ...TWO,
    options: MulOptions,
    version: (site) =>
      Math.max(
        inputVersion(site, 0, {
          int8: 2,
          int16: site.inputs.some((type) => type?.quantization) ? 4 : 7,
          int64: 5,
          complex64: 6,
          uint32: 7,
          float16: 8,
        }),
        (mulRescale(site) ?? 0) >= 1 ? 3 : 1,
      ),
    infer: arithmetic,
  }),
  DIV: defineOp({
    ...TWO,
    options: DivOptions,
    version: (site) => highRankVersion(site, 2),
    infer: arithmetic,
  }),
  FLOOR_DIV: plainBinary(arithmetic, { float32: 2, int8: 3, int16: 3 }),
  FLOOR_MOD: plainBinary(arithmetic, { int8: 2, int16: 2 }),
  POW: plainBinary(arithmetic),
  MAXIMUM: extremum(),
  MINIMUM: extremum(),
  SQUARED_DIFFERENCE: plainBinary(arithmetic, { int8: 2 }),
  ATAN2: plainBinary(restricted('float32', 'float64')),
  EQUAL: plainBinary(comparison, { int8: 2, string: 3, int16: 5 }),
  NOT_EQUAL: plainBinary(comparison, { int8: 2, string: 3, int16: 4 }),
  GREATER: plainBinary(comparison, { int8: 2 }),
  GREATER_EQUAL: plainBinary(comparison, { int8: 2, int16: 3 }),
  LESS: plainBinary(comparison, { int8: 2, int16: 3 }),
  LESS_EQUAL: plainBinary(comparison, { int8: 2 }),
  LOGICAL_AND: plainBinary(logical),
  LOGICAL_OR: plainBinary(logical),
  BITWISE_XOR: plainBinary(bitwise),
  RIGHT_SHIFT: plainBinary(bitwise),
  PRELU: plainBinary((site) => {
    const [result] = arithmetic(site);
    const { shape } = input(site, 0, 'input');
    if (result?.shape.length !== shape.length) {
      refuse(
        `Input 1 (slopes) is ${formatType(input(site, 1, 'slopes'))}; expected at most rank ${shape.length}.`,
      );
    }
    return [result];
  }),
  ADD_N: defineOp({
    options: null,
    inputs: [1, Infinity],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => {
      const first = input(site, 0, 'operand');
      let shape = first.shape;
      for (let index = 1; index < site.inputs.length; index++) {
        requireSameDtype(site, 0, index);
        const other = input(site, index, 'operand').shape;
        if (other.length !== shape.length) {
          refuse(`Input ${index} has rank ${other.length}; expected rank ${shape.length}.`);
        }
        shape = shape.map((dim, axis) =>
          unify(dim, other[axis] as number, `Dimension ${axis} of inputs 0 and ${index}`),
        );
      }
      return [output(site, 0, first.dtype, shape)];
    },
  }),
};
