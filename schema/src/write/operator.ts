import type { Builder } from 'flatbuffers';
import { LinnetError } from '../errors.js';
import { Operator as OperatorTable } from '../generated/builders/operator.js';
import { OperatorCode } from '../generated/builders/operator-code.js';
import { BuiltinOperator } from '../generated/enums/builtin-operator.js';
import type { Operator } from '../model.js';
import { codeOf } from '../ops/families.js';
import { opRecord } from '../ops/index.js';
import { packOptions } from './options.js';

/** The operator codes of a file: one for each op and version, in the order of first use. */
export class OpCodes {
  private readonly codes = new Map<string, { code: number; custom: string; version: number }>();
  private readonly indices = new Map<string, number>();

  /** The index of the code of a node. */
  add(node: Operator): number {
    const entry = {
      code: node.op === null ? BuiltinOperator.CUSTOM : codeOf(node.op),
      custom: node.op === null ? node.foreignName : '',
      version: node.version,
    };
    const key = `${entry.code} ${entry.version} ${entry.custom}`;
    const known = this.indices.get(key);
    if (known !== undefined) return known;
    this.codes.set(key, entry);
    this.indices.set(key, this.indices.size);
    return this.indices.size - 1;
  }

  /** Packs all codes, as offsets in their order. */
  pack(builder: Builder): number[] {
    return [...this.codes.values()].map(({ code, custom, version }) => {
      const customCode = custom === '' ? 0 : builder.createString(custom);
      OperatorCode.startOperatorCode(builder);
      OperatorCode.addDeprecatedBuiltinCode(
        builder,
        Math.min(code, BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES),
      );
      OperatorCode.addCustomCode(builder, customCode);
      OperatorCode.addVersion(builder, version);
      OperatorCode.addBuiltinCode(builder, code);
      return OperatorCode.endOperatorCode(builder);
    });
  }
}

export function packOperator(builder: Builder, node: Operator, code: number): number {
  const record = node.op === null ? null : opRecord(node.op);
  const table = record?.options ?? null;
  const options =
    table === null || node.op === null ? 0 : packOptions(builder, table, node.options);
  const custom =
    node.op === null ? OperatorTable.createCustomOptionsVector(builder, node.customOptions) : 0;
  const inputs = OperatorTable.createInputsVector(builder, [...node.inputs]);
  const outputs = OperatorTable.createOutputsVector(builder, [...node.outputs]);
  const intermediates = node.intermediates
    ? OperatorTable.createIntermediatesVector(builder, [...node.intermediates])
    : 0;
  OperatorTable.startOperator(builder);
  OperatorTable.addOpcodeIndex(builder, code);
  OperatorTable.addInputs(builder, inputs);
  OperatorTable.addOutputs(builder, outputs);
  OperatorTable.addCustomOptions(builder, custom);
  OperatorTable.addIntermediates(builder, intermediates);
  if (table?.union === 1) {
    OperatorTable.addBuiltinOptionsType(builder, table.member);
    OperatorTable.addBuiltinOptions(builder, options);
  } else if (table?.union === 2) {
    OperatorTable.addBuiltinOptions2Type(builder, table.member);
    OperatorTable.addBuiltinOptions2(builder, options);
  }
  return OperatorTable.endOperator(builder);
}

/** Throws unless the node can be written without losing a part of it. */
export function checkWritable(node: Operator): void {
  if (node.op === null && node.builtinCode !== null) {
    throw new LinnetError(
      'UNSUPPORTED',
      `The builtin op ${node.foreignName} cannot be written: Linnet does not know its options.`,
      { op: node.foreignName },
    );
  }
}
