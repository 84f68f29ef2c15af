import {
  elementCount,
  formatType,
  LinnetError,
  type Model,
  type Signature,
  type TensorType,
  UNKNOWN_DIM,
} from '@linnet/schema';
import type { ArrayValue, SignatureInfo, TensorInfo } from '../entry-point.js';
import { Interpreter } from './interpret.js';
import type { TensorValue } from './kernel.js';

export interface ReferenceRunOptions {
  /** The entry point; the model's first by default. */
  readonly signature?: string;
}

/** Tensors by name, or in the order of the signature's inputs. */
export type ReferenceInputs = Readonly<Record<string, ArrayValue>> | readonly ArrayValue[];

/**
 * A model that runs on the reference kernels: slow, exact, and independent of the runtime. It
 * keeps variables from one run to the next, as the runtime does.
 */
export class ReferenceModel {
  readonly signatures: readonly SignatureInfo[];
  private readonly interpreter: Interpreter;
  private readonly entries: readonly Signature[];

  /** @throws LinnetError UNSUPPORTED when the model has ops outside the vocabulary */
  constructor(private readonly model: Model) {
    this.interpreter = new Interpreter(model);
    this.entries = model.signatures.length > 0 ? model.signatures : [unnamedSignature(model)];
    this.signatures = this.entries.map(({ key, subgraph, inputs, outputs }) => {
      const describe = ({ name, tensor }: { name: string; tensor: number }) => {
        const { dtype, shape } = model.subgraphs[subgraph]!.tensors[tensor]!;
        return { name, dtype, shape };
      };
      return { key, inputs: inputs.map(describe), outputs: outputs.map(describe) };
    });
  }

  /** Inputs of the first signature. */
  get inputs(): readonly TensorInfo[] {
    return this.signatures[0]!.inputs;
  }

  /** Outputs of the first signature. */
  get outputs(): readonly TensorInfo[] {
    return this.signatures[0]!.outputs;
  }

  /**
   * Runs a signature; outputs by name, in the signature's order.
   *
   * @throws LinnetError INVALID_ARGUMENT when inputs are missing, unknown or do not fit
   */
  run(
    inputs: ReferenceInputs,
    { signature }: ReferenceRunOptions = {},
  ): Record<string, ArrayValue> {
    const entry = this.entry(signature);
    const subgraph = this.model.subgraphs[entry.subgraph]!;
    const given = byTensor(entry, inputs);
    const values = subgraph.inputs.map((id) => {
      const declared = subgraph.tensors[id]!;
      const value = given.get(id);
      if (value) return checked(value, declared, declared.name);
      throw new LinnetError('INVALID_ARGUMENT', `The input "${declared.name}" was not given.`);
    });
    const results = this.interpreter.runSubgraph(entry.subgraph, values);
    return Object.fromEntries(
      entry.outputs.map(({ name, tensor }) => {
        const { dtype, shape, elements } = results[subgraph.outputs.indexOf(tensor)]!;
        return [name, { dtype, shape, data: elements.slice() }];
      }),
    );
  }

  private entry(key: string | undefined): Signature {
    const entry = key === undefined ? this.entries[0] : this.entries.find((e) => e.key === key);
    if (entry) return entry;
    throw new LinnetError('INVALID_ARGUMENT', `The model has no signature "${key}".`, {}, [
      `It has: ${this.entries.map((candidate) => `"${candidate.key}"`).join(', ')}.`,
    ]);
  }
}

/** What stands for a signature where a file has none: its first subgraph, by tensor names. */
function unnamedSignature(model: Model): Signature {
  const [main] = model.subgraphs;
  if (!main) throw new LinnetError('INVALID_MODEL', 'The model has no subgraph.');
  const named = (ids: readonly number[]) => {
    const taken = new Set<string>();
    return ids.map((tensor) => {
      const name = main.tensors[tensor]!.name;
      let free = name;
      for (let n = 1; taken.has(free); n++) free = `${name}:${n}`;
      taken.add(free);
      return { name: free, tensor };
    });
  };
  return { key: '', subgraph: 0, inputs: named(main.inputs), outputs: named(main.outputs) };
}

function byTensor(entry: Signature, inputs: ReferenceInputs): Map<number, ArrayValue> {
  if (Array.isArray(inputs)) {
    if (inputs.length !== entry.inputs.length) {
      throw new LinnetError(
        'INVALID_ARGUMENT',
        `The model takes ${entry.inputs.length} inputs, not ${inputs.length}.`,
      );
    }
    return new Map(entry.inputs.map(({ tensor }, i) => [tensor, inputs[i]!]));
  }
  return new Map(
    Object.entries(inputs as Record<string, ArrayValue>).map(([name, value]) => {
      const input = entry.inputs.find((candidate) => candidate.name === name);
      if (input) return [input.tensor, value];
      throw new LinnetError('INVALID_ARGUMENT', `The model has no input "${name}".`, {}, [
        `It has: ${entry.inputs.map((candidate) => `"${candidate.name}"`).join(', ')}.`,
      ]);
    }),
  );
}

/** A caller's tensor as a value of the declared type. */
function checked(given: ArrayValue, declared: TensorType, name: string): TensorValue {
  const fits =
    given.dtype === declared.dtype &&
    given.shape.length === declared.shape.length &&
    given.shape.every((dim, d) => declared.shape[d] === UNKNOWN_DIM || declared.shape[d] === dim) &&
    elementCount(given.shape) === given.data.length;
  if (!fits) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `Input "${name}" takes ${formatType(declared)}, but was given ${formatType(given)} of ${given.data.length} elements.`,
      { tensor: name },
    );
  }
  const { quantization } = declared;
  return {
    dtype: given.dtype,
    shape: given.shape,
    elements: given.data,
    ...(quantization && { quantization }),
  };
}
