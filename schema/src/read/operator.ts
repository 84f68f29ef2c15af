import { LinnetError } from '../errors.js';
import { BUILTIN_NAMES } from '../generated/builtin-names.js';
import { ActivationFunctionType } from '../generated/enums/activation-function-type.js';
import { FullyConnectedOptionsWeightsFormat } from '../generated/enums/fully-connected-options-weights-format.js';
import { LSTMKernelType } from '../generated/enums/lstmkernel-type.js';
import { MirrorPadMode } from '../generated/enums/mirror-pad-mode.js';
import { Padding } from '../generated/enums/padding.js';
import { TensorType } from '../generated/enums/tensor-type.js';
import * as stored from '../generated/tables.js';
import type { BuiltinNode, Operator } from '../model.js';
import { type OpName, opFromCode } from '../ops/families.js';
import { type OpRecords, recordOf } from '../ops/records.js';
import { defaultOptions, type OptionsTable } from '../options.js';
import { slice } from './buffers.js';
import { checkIndices, fail } from './fail.js';
import type { Table } from './table.js';

/** An entry of the model's table of operator codes. */
export interface OpCode {
  /** null for a builtin outside the vocabulary and for a custom op. */
  readonly op: OpName | null;
  readonly builtinCode: number;
  readonly customCode: string;
  readonly version: number;
}

export function readOpCode(table: Table): OpCode {
  // Writers from before codes passed 127 fill only the first field; newer ones fill both.
  const builtinCode = Math.max(
    table.get(stored.OperatorCode.deprecatedBuiltinCode),
    table.get(stored.OperatorCode.builtinCode),
  );
  return {
    op: opFromCode(builtinCode) ?? null,
    builtinCode,
    customCode: table.get(stored.OperatorCode.customCode) ?? '',
    version: table.get(stored.OperatorCode.version),
  };
}

/** What an operator is read with. */
export interface OperatorContext {
  readonly codes: readonly OpCode[];
  readonly records: OpRecords;
  /** How many tensors its subgraph has. */
  readonly tensorCount: number;
  readonly file: Uint8Array;
}

/** Reads one operator of a subgraph. */
export function readOperator(
  table: Table,
  index: number,
  { codes, records, tensorCount, file }: OperatorContext,
): Operator {
  const node = `#${index}`;
  const opcode = table.get(stored.Operator.opcodeIndex);
  const code = codes[opcode];
  if (code === undefined) {
    fail(`its op is number ${opcode}, but there are only ${codes.length}.`, { node });
  }
  const name = code.op ?? foreignName(code);
  const where = { node, op: name };
  const inputs = table.get(stored.Operator.inputs);
  const outputs = table.get(stored.Operator.outputs);
  const intermediates = table.get(stored.Operator.intermediates);
  checkIndices(inputs, -1, tensorCount, 'an input', where);
  checkIndices(outputs, 0, tensorCount, 'an output', where);
  checkIndices(intermediates, -1, tensorCount, 'an intermediate tensor', where);
  const common = {
    inputs,
    outputs,
    version: code.version,
    ...(intermediates.length > 0 && { intermediates }),
  };
  if (code.op === null) {
    return {
      op: null,
      foreignName: name,
      builtinCode: isCustom(code) ? null : code.builtinCode,
      customOptions: readCustomOptions(table, file),
      ...common,
    };
  }
  const options = readOptions(table, recordOf(records, code.op).options, where);
  return { op: code.op, options, ...common } as BuiltinNode;
}

function foreignName(code: OpCode): string {
  return isCustom(code)
    ? code.customCode
    : (BUILTIN_NAMES[code.builtinCode] ?? `${code.builtinCode}`);
}

function isCustom({ builtinCode }: OpCode): boolean {
  return BUILTIN_NAMES[builtinCode] === 'CUSTOM';
}

function readCustomOptions(table: Table, file: Uint8Array): Uint8Array {
  const offset = table.get(stored.Operator.largeCustomOptionsOffset);
  if (offset > 1n) {
    const size = table.get(stored.Operator.largeCustomOptionsSize);
    return slice(file, offset, size, 'the custom options of an op');
  }
  return table.get(stored.Operator.customOptions) ?? new Uint8Array();
}

/** The options as a plain object; all defaults when the file has none. */
function readOptions(
  table: Table,
  codec: OptionsTable<object> | null,
  where: { node: string; op: string },
): object {
  if (codec === null) return {};
  const { builtinOptionsType, builtinOptions, builtinOptions2Type, builtinOptions2 } =
    stored.Operator;
  const [type, union] =
    codec.union === 1
      ? ([builtinOptionsType, builtinOptions] as const)
      : ([builtinOptions2Type, builtinOptions2] as const);
  const member = table.get(type);
  if (member === 0) return defaultOptions(codec);
  if (member !== codec.member) {
    fail(`its options are those of another op (number ${member}, not ${codec.member}).`, where);
  }
  const found = table.get(union);
  if (found === null) return defaultOptions(codec);
  const options = Object.fromEntries(
    codec.fields.map(([name, slot, kind, initial]) => [name, found.get([slot, kind, initial])]),
  );
  for (const [field, values] of Object.entries(ENUM_FIELDS)) {
    const value: unknown = options[field];
    if (value !== undefined && !((value as number) in values)) {
      throw new LinnetError(
        'INVALID_MODEL',
        `Its option ${field} has the unknown value ${value}.`,
        where,
      );
    }
  }
  return options;
}

/** The option fields of enumerated types, whatever table they are in. */
const ENUM_FIELDS = {
  padding: Padding,
  fusedActivationFunction: ActivationFunctionType,
  weightsFormat: FullyConnectedOptionsWeightsFormat,
  kernelType: LSTMKernelType,
  mode: MirrorPadMode,
  inDataType: TensorType,
  outDataType: TensorType,
  outputType: TensorType,
  outType: TensorType,
  idxOutType: TensorType,
  quantizedBiasType: TensorType,
};
