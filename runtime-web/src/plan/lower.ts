import type { KernelCallArguments, KernelName } from '@linnet/runtime-wasm';
import { dtypeCode, invariant, type OpName, type TensorType } from '@linnet/schema';
import type { GraphNode } from '../model/graph.js';
import type { Known } from '../model/known.js';
import { storageBytes } from '../model/storage.js';
import type { Backend } from './backend.js';
import type { BufferRef, Emitter, Lowering, LowerSite, Operand } from './lowering.js';
import type { KernelCall, PlanBuffer, Port, Support } from './plan.js';
import type { Step, TensorTable } from './step.js';
import { expandedType, sameElements } from './types.js';

/** The float32 form of a known tensor of reduced precision; null when it cannot be had. */
export type Expand = (known: Known) => Known | null;

/** Turns the steps of one stage into kernel calls on buffers. */
export class StageBuilder {
  readonly buffers: PlanBuffer[] = [];
  readonly calls: KernelCall[] = [];
  readonly #refs = new Map<number, BufferRef>();
  readonly #known = new Map<Known, BufferRef>();

  constructor(
    readonly tensors: TensorTable,
    readonly backend: Backend,
    readonly expand: Expand,
  ) {}

  /** Where a tensor of the graph lives; it gets its place when it is first asked for. */
  ref(tensor: number): BufferRef {
    const placed = this.#refs.get(tensor);
    if (placed !== undefined) return placed;
    const known = this.tensors.known(tensor);
    const ref = known === undefined ? this.#place(tensor) : this.#knownRef(known);
    this.#refs.set(tensor, ref);
    return ref;
  }

  port(tensor: number): Port {
    const type = this.tensors.type(tensor);
    return { tensor, type, ref: this.ref(tensor), bytes: storageBytes(type) };
  }

  /** Emits the calls of a step; 'unsupported' when the backend has none for it. */
  lower(step: Step): Support {
    const { node } = step;
    if (node.outputs.every((tensor) => storageBytes(this.tensors.type(tensor)) === 0)) {
      return 'native';
    }
    const lowering = this.backend.lowering(node.op) as Lowering<OpName> | 'structural';
    invariant(lowering !== 'structural', `${node.op} reached the backend.`);
    if (lowering.alias && this.#alias(step)) return 'native';
    const site: LowerSite<OpName> = {
      op: node.op,
      options: node.options,
      fused: step.fused,
      inputs: node.inputs.map((tensor) => (tensor < 0 ? null : this.#operand(tensor))),
      outputs: node.outputs.map((tensor) => this.#operand(tensor)),
      intermediates: node.intermediates.map((tensor) =>
        tensor < 0 ? null : this.tensors.type(tensor),
      ),
    };
    if (lowering.supports(site)) {
      lowering.lower(site, this.#emitter(step));
      return 'native';
    }
    return this.#lowerViaFloat32(lowering, site, step) ? 'via-float32' : 'unsupported';
  }

  #place(tensor: number): BufferRef {
    const bytes = storageBytes(this.tensors.type(tensor));
    if (!this.tensors.isVariable(tensor)) return this.#add({ kind: 'arena', bytes });
    return this.#add({
      kind: 'state',
      id: `${this.tensors.graph.index}:${tensor}:${bytes}`,
      bytes,
    });
  }

  #knownRef(known: Known): BufferRef {
    const placed = this.#known.get(known) ?? this.#add({ kind: 'known', known });
    this.#known.set(known, placed);
    return placed;
  }

  #add(buffer: PlanBuffer): BufferRef {
    this.buffers.push(buffer);
    return { buffer: this.buffers.length - 1, offset: 0 };
  }

  #operand(tensor: number): Operand {
    const known = this.tensors.known(tensor);
    return { type: this.tensors.type(tensor), ref: this.ref(tensor), value: known?.elements };
  }

  /** Lets the output of a step share its input's buffer, unless the input may change. */
  #alias({ node }: Step): boolean {
    const [input, output] = [node.inputs[0] as number, node.outputs[0] as number];
    if (this.tensors.isVariable(input) || this.tensors.isVariable(output)) return false;
    const [from, to] = [this.tensors.type(input), this.tensors.type(output)];
    if (!sameElements(from, to) || storageBytes(from) !== storageBytes(to)) return false;
    this.#refs.set(output, this.ref(input));
    return true;
  }

  #emitter({ node }: Step): Emitter {
    const sources = node.inputs.map((tensor) => this.tensors.known(tensor));
    // What depends on constants alone outlives the plan; ids say which constants those are.
    const ids = sources.map((known) => (known === undefined ? '' : known.id));
    const isShared = ids.some((id) => id) && ids.every((id) => id !== null);
    return {
      call: <K extends KernelName>(kernel: K, args: KernelCallArguments<K, BufferRef>) => {
        this.calls.push({ kernel, args: args as KernelCall['args'], node });
      },
      scratch: (bytes) => this.#add({ kind: 'arena', bytes }),
      threadScratch: (bytes) => this.#add({ kind: 'arena', bytes: bytes * this.backend.threads }),
      constant: (key, make) =>
        this.#add({ kind: 'made', id: isShared ? [node.op, key, ...ids].join('|') : null, make }),
    };
  }

  /**
   * Lowers a node in float32: inputs of reduced precision are expanded before, outputs reduced
   * after. False, with nothing emitted, where the float32 form has no kernel either.
   */
  #lowerViaFloat32(lowering: Lowering<OpName>, site: LowerSite<OpName>, step: Step): boolean {
    const before: [Operand, Operand][] = [];
    const after: [Operand, Operand][] = [];
    const inputs = site.inputs.map((operand, index): Operand | null => {
      const type = operand && expandedType(operand.type);
      if (operand === null || type === null) return operand;
      const tensor = step.node.inputs[index] as number;
      const known = this.tensors.known(tensor);
      const expanded = known === undefined ? null : this.expand(known);
      if (expanded !== null) {
        return { type, ref: this.#knownRef(expanded), value: expanded.elements };
      }
      const float = this.#float(type);
      before.push([operand, float]);
      // State is an input that the node updates.
      if (this.tensors.isVariable(tensor)) after.push([float, operand]);
      return float;
    });
    const outputs = site.outputs.map((operand): Operand => {
      const type = expandedType(operand.type);
      if (type === null) return operand;
      const float = this.#float(type);
      after.push([float, operand]);
      return float;
    });
    const changed = inputs.some((operand, i) => operand !== site.inputs[i]) || after.length > 0;
    const form = { ...site, inputs, outputs, intermediates: [] };
    if (!changed || !lowering.supports(form)) return false;
    const conversions = [...before, ...after].map(([from, to]) => this.#conversion(from, to));
    if (conversions.includes(null)) return false;
    const emitter = this.#emitter(step);
    for (const emit of conversions.slice(0, before.length)) emit?.(emitter);
    lowering.lower(form, emitter);
    for (const emit of conversions.slice(before.length)) emit?.(emitter);
    return true;
  }

  #float(type: TensorType): Operand {
    const ref = this.#add({ kind: 'arena', bytes: storageBytes(type) });
    return { type, ref, value: undefined };
  }

  /** What emits the conversion between reduced precision and float32; null without a kernel. */
  #conversion(from: Operand, to: Operand): ((emitter: Emitter) => void) | null {
    const { op, options } = conversionNode(from.type, to.type);
    const lowering = this.backend.lowering(op) as Lowering<OpName> | 'structural';
    const site = { op, options, fused: {}, inputs: [from], outputs: [to], intermediates: [] };
    if (lowering === 'structural' || !lowering.supports(site)) return null;
    return (emitter) => lowering.lower(site, emitter);
  }
}

/** The op and options that convert between a type of reduced precision and float32. */
export function conversionNode(
  from: TensorType,
  to: TensorType,
): Pick<GraphNode, 'op' | 'options'> {
  if (to.quantization !== undefined) return { op: 'QUANTIZE', options: {} };
  if (from.quantization !== undefined) return { op: 'DEQUANTIZE', options: {} };
  const options = { inDataType: dtypeCode(from.dtype), outDataType: dtypeCode(to.dtype) };
  return { op: 'CAST', options };
}
