/** A model's entry points as its users see them. */
import { LinnetError, type NamedTensor, type Signature, type TensorType } from '@linnet/schema';
import type { ModelInputs, SignatureInfo } from '../api.js';
import type { TensorInfo, TensorInput } from '../io/tensor.js';
import type { Graph } from '../model/graph.js';

/** A signature with the tensors behind its names. */
export interface Entry extends SignatureInfo {
  readonly subgraph: number;
  readonly inputTensors: readonly number[];
  readonly outputTensors: readonly number[];
}

/**
 * The entry point of a signature. Inputs of the graph that the signature leaves out go by the
 * names of their tensors.
 */
export function toEntry(signature: Signature, graphs: readonly Graph[]): Entry {
  const { key, subgraph } = signature;
  const graph = graphs[subgraph] as Graph;
  const named = new Set(signature.inputs.map(({ tensor }) => tensor));
  const unnamed = graph.inputs
    .filter((tensor) => !named.has(tensor))
    .map((tensor) => ({ name: graph.tensors[tensor]?.name ?? '', tensor }));
  const inputs = unique([...signature.inputs, ...unnamed]);
  const outputs = unique(signature.outputs);
  const describe = ({ name, tensor }: NamedTensor) =>
    tensorInfo(name, graph.tensors[tensor]?.type as TensorType);
  return {
    key,
    subgraph,
    inputs: inputs.map(describe),
    outputs: outputs.map(describe),
    inputTensors: inputs.map(({ tensor }) => tensor),
    outputTensors: outputs.map(({ tensor }) => tensor),
  };
}

/** Names told apart: a name that is taken gets a number. */
function unique(tensors: readonly NamedTensor[]): readonly NamedTensor[] {
  const taken = new Set<string>();
  return tensors.map(({ name, tensor }) => {
    let free = name;
    for (let n = 1; taken.has(free); n++) free = `${name}:${n}`;
    taken.add(free);
    return { name: free, tensor };
  });
}

function tensorInfo(name: string, { dtype, shape, quantization }: TensorType): TensorInfo {
  const isPerTensor = quantization?.kind === 'affine' && quantization.scale.length === 1;
  return {
    name,
    dtype,
    shape,
    ...(isPerTensor && {
      quantization: {
        scale: quantization.scale[0] as number,
        zeroPoint: quantization.zeroPoint[0] as number,
      },
    }),
  };
}

/** The error for what only a model on WebGPU can do. */
export function notOnDevice(what: string): LinnetError {
  return new LinnetError('INVALID_ARGUMENT', `${what}: the model does not run on WebGPU.`, {}, [
    'Load it with backend "webgpu"; model.info.fallback says why it may not be used.',
  ]);
}

/**
 * The values for an entry's inputs, in its order.
 *
 * @throws LinnetError of code INVALID_ARGUMENT for inputs that are missing or unknown
 */
export function pickInputs(entry: Entry, inputs: ModelInputs): readonly TensorInput[] {
  const names = entry.inputs.map(({ name }) => name);
  const fail = (message: string): never => {
    throw new LinnetError('INVALID_ARGUMENT', message, {}, [
      `The inputs are: ${names.map((name) => `"${name}"`).join(', ') || 'none'}.`,
    ]);
  };
  if (Array.isArray(inputs)) {
    if (inputs.length !== names.length) {
      fail(`The model takes ${names.length} inputs, but was given ${inputs.length}.`);
    }
    return inputs;
  }
  if (typeof inputs !== 'object' || inputs === null || ArrayBuffer.isView(inputs)) {
    fail('Inputs are passed as an object of tensors by name, or as an array in order.');
  }
  const byName = inputs as Readonly<Record<string, TensorInput>>;
  const stranger = Object.keys(byName).find((name) => !names.includes(name));
  if (stranger !== undefined) fail(`The model has no input "${stranger}".`);
  const absent = names.filter((name) => !Object.hasOwn(byName, name));
  if (absent.length > 0) {
    fail(`The model's ${absent.map((name) => `input "${name}"`).join(', ')} was not given.`);
  }
  return names.map((name) => byName[name] as TensorInput);
}
