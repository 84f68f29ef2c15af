import { createHash } from 'node:crypto';
import { type DType, type Model, OP_NAMES, type OpName, type TensorElements } from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { modelOf, SubgraphAssembly } from './assemble.js';
import { elementsOf } from './elements.js';
import { halfCase } from './half.js';
import { CASES } from './index.js';
import type { CaseSpec } from './spec.js';

/** A tensor that goes into or comes out of a run. */
export interface Value {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorElements;
}

/** A case ready to run. */
export interface Case {
  /** Unique among all cases. */
  readonly name: string;
  readonly op: OpName;
  readonly spec: CaseSpec<OpName>;
  /** A whole file: every case is also written, and read again by whoever runs it. */
  readonly bytes: Uint8Array;
  readonly inputs: readonly Value[];
  readonly runs: number;
  /** Changes when the model's meaning or the inputs do, so that records of another case are noticed. */
  readonly digest: string;
}

/** Every case of every op. */
export function buildCases(): Case[] {
  return OP_NAMES.flatMap((op) => {
    const specs = CASES[op] as readonly CaseSpec<OpName>[];
    const half = halfCase(op, specs);
    return [...specs, ...(half ? [half] : [])].map((spec) => buildCase(op, spec));
  });
}

/** A case of `op`; the same each time. */
export function buildCase(op: OpName, spec: CaseSpec<OpName>): Case {
  const name = `${op} ${spec.name}`;
  try {
    const model = spec.model?.() ?? oneNode(op, spec, name);
    const inputs = spec.inputs
      .filter((operand) => operand?.role === 'input')
      .map((operand, i): Value => {
        const { dtype, shape } = operand!.type;
        return {
          dtype,
          shape,
          data: elementsOf(operand!.type, operand!.contents, `${name}/in${i}`),
        };
      });
    const runs = spec.runs ?? 1;
    return {
      name,
      op,
      spec,
      bytes: write(model),
      inputs,
      runs,
      digest: digestOf(model, inputs, runs),
    };
  } catch (error) {
    throw new Error(`the case "${name}" cannot be built`, { cause: error });
  }
}

function oneNode(op: OpName, spec: CaseSpec<OpName>, name: string): Model {
  const assembly = new SubgraphAssembly('main', name);
  const inputs = spec.inputs.map((operand) => assembly.add(operand));
  const outputs = assembly.node(op, inputs, spec.outputs, spec.options, spec.intermediates);
  return modelOf([assembly.finish(outputs)]);
}

function digestOf(model: Model, inputs: readonly Value[], runs: number): string {
  const text = JSON.stringify([model.subgraphs, inputs, runs], (key, value) => {
    if (key === 'version' || key === 'name') return undefined;
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
    return ArrayBuffer.isView(value) ? Array.from(value as Uint8Array, String) : value;
  });
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
