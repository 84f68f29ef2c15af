import { LinnetError } from '../errors.js';
import { BUILTIN_NAMES } from '../generated/builtin-names.js';
import { ActivationFunctionType } from '../generated/tables/activation-function-type.js';
import { FullyConnectedOptionsWeightsFormat } from '../generated/tables/fully-connected-options-weights-format.js';
import { LSTMKernelType } from '../generated/tables/lstmkernel-type.js';
import { MirrorPadMode } from '../generated/tables/mirror-pad-mode.js';
import type { Operator as OperatorTable } from '../generated/tables/operator.js';
import type { OperatorCode } from '../generated/tables/operator-code.js';
import { Padding } from '../generated/tables/padding.js';
import { TensorType } from '../generated/tables/tensor-type.js';
import type { BuiltinNode, Operator } from '../model.js';
import { OPS, type OpName, opFromCode } from '../ops/index.js';
import { defaultOptions, type OptionsTable } from '../options.js';
import { slice } from './buffers.js';
import { checkIndices, fail, list } from './fail.js';
import { TableAt } from './options.js';

/** An entry of the model's table of operator codes. */
export interface OpCode {
  /** null for a builtin outside the vocabulary and for a custom op. */
  readonly op: OpName | null;
  readonly builtinCode: number;
  readonly customCode: string;
  readonly version: number;
}

export function readOpCode(table: OperatorCode): OpCode {
  // Writers from before codes passed 127 fill only the first field; newer ones fill both.
  const builtinCode = Math.max(table.deprecatedBuiltinCode(), table.builtinCode());
  return {
    op: opFromCode(builtinCode) ?? null,
    builtinCode,
    customCode: table.customCode() ?? '',
    version: table.version(),
  };
}

/** Reads one operator of a subgraph that has `tensorCount` tensors. */
export function readOperator(
  table: OperatorTable,
  index: number,
  codes: readonly OpCode[],
  tensorCount: number,
  file: Uint8Array,
): Operator {
  const node = `#${index}`;
  const code = codes[table.opcodeIndex()];
  if (code === undefined) {
    fail(`its op is number ${table.opcodeIndex()}, but there are only ${codes.length}.`, { node });
  }
  const name = code.op ?? foreignName(code);
  const where = { node, op: name };
  const inputs = list(table.inputsLength(), (i) => table.inputs(i));
  const outputs = list(table.outputsLength(), (i) => table.outputs(i));
  const intermediates = list(table.intermediatesLength(), (i) => table.intermediates(i));
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
  const options = readOptions(table, OPS[code.op].options, where);
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

function readCustomOptions(table: OperatorTable, file: Uint8Array): Uint8Array {
  const offset = table.largeCustomOptionsOffset();
  if (offset > 1n) {
    return slice(file, offset, table.largeCustomOptionsSize(), 'the custom options of an op');
  }
  return table.customOptionsArray() ?? new Uint8Array();
}

/** The options as a plain object; all defaults when the file has none. */
function readOptions(
  table: OperatorTable,
  codec: OptionsTable<object> | null,
  where: { node: string; op: string },
): object {
  if (codec === null) return {};
  const member = codec.union === 1 ? table.builtinOptionsType() : table.builtinOptions2Type();
  if (member === 0) return defaultOptions(codec);
  if (member !== codec.member) {
    fail(`its options are those of another op (number ${member}, not ${codec.member}).`, where);
  }
  const at = new TableAt();
  const found = codec.union === 1 ? table.builtinOptions(at) : table.builtinOptions2(at);
  if (found === null) return defaultOptions(codec);
  const options = at.read(codec);
  for (const [field, values] of Object.entries(ENUM_FIELDS)) {
    const value: unknown = (options as Record<string, unknown>)[field];
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
