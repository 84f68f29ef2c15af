import { dtypeCode, type OpName, type TensorType } from '@linnet/schema';
import type { Choice } from '../api.js';
import type { GraphNode } from '../model/graph.js';
import type { Known } from '../model/known.js';
import { storageBytes } from '../model/storage.js';
import type { Target } from './backend.js';
import { choose, type Decision, type Overrule, signatureOf } from './choice.js';
import type { BufferRef, Fused, LowerSite, Operand, PlanEmitter } from './lowering.js';
import type { Call, NodeLabel, PlanBuffer, Port, Support } from './plan.js';
import type { Step, TensorTable } from './step.js';
import { expandedType, sameElements } from './types.js';
import type { Views } from './views.js';

/** The float32 form of a known tensor of reduced precision; null when it cannot be had. */
export type Expand = (known: Known) => Known | null;

type Site = LowerSite<OpName>;

/** A site in float32, with the conversions that take its operands there and back. */
interface FloatForm {
  readonly site: Site;
  readonly before: readonly Site[];
  readonly after: readonly Site[];
}

/** Where operands are while it is only asked whether there are kernels. */
const NOWHERE: BufferRef = { buffer: -1, offset: 0 };

/** Turns steps of one stage into a target's calls on buffers. */
export class StageBuilder {
  readonly buffers: PlanBuffer[] = [];
  #calls: Call[] = [];
  #choices: Choice[] = [];
  readonly #refs = new Map<number, BufferRef>();
  readonly #known = new Map<Known, BufferRef>();

  constructor(
    readonly tensors: TensorTable,
    readonly target: Target,
    readonly expand: Expand,
    readonly overrule: Overrule,
    /** Tensors that lie in others. */
    readonly homes: Views['homes'] = new Map(),
  ) {}

  /** The calls emitted since they were last taken. */
  takeCalls(): readonly Call[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }

  /** The choices made since they were last taken. */
  takeChoices(): readonly Choice[] {
    const choices = this.#choices;
    this.#choices = [];
    return choices;
  }

  /** Where a tensor of the graph lives; it gets its place when it is first asked for. */
  ref(tensor: number): BufferRef {
    const placed = this.#refs.get(tensor);
    if (placed !== undefined) return placed;
    const ref = this.#home(tensor);
    this.#refs.set(tensor, ref);
    return ref;
  }

  #home(tensor: number): BufferRef {
    const home = this.homes.get(tensor);
    if (home !== undefined) {
      const { buffer, offset } = this.ref(home.tensor);
      return { buffer, offset: offset + home.offset };
    }
    const known = this.tensors.known(tensor);
    return known === undefined ? this.#place(tensor) : this.#knownRef(known);
  }

  port(tensor: number): Port {
    const type = this.tensors.type(tensor);
    return { tensor, type, ref: this.ref(tensor), bytes: storageBytes(type) };
  }

  /** Whether the backend knows all that is fused into a step, and carries it out as it is. */
  accepts(step: Step): boolean {
    return (
      Object.keys(step.fused).every((part) => this.target.fuses.has(part as keyof Fused)) &&
      this.#isNative(step)
    );
  }

  /** Whether a step is carried out as it is; unlike the float32 form, that is told without expanding weights. */
  #isNative(step: Step): boolean {
    return (
      this.isAlias(step) ||
      this.#isEmpty(step) ||
      this.target.supports(this.#site(step, () => NOWHERE))
    );
  }

  /** How the backend would carry out a step. */
  support(step: Step): Support {
    if (this.#isNative(step)) return 'native';
    const site = this.#site(step, () => NOWHERE);
    const form = this.#floatForm(site, step, { expanded: () => NOWHERE, float: () => NOWHERE });
    return form === null ? 'unsupported' : 'via-float32';
  }

  /** Emits the calls of a step; 'unsupported' when the backend has none for it. */
  lower(step: Step): Support {
    if (this.#isEmpty(step)) return 'native';
    const [input, output] = [step.node.inputs[0] as number, step.node.outputs[0] as number];
    if (this.isAlias(step)) {
      this.#refs.set(output, this.ref(input));
      return 'native';
    }
    const site = this.#site(step, (tensor) => this.ref(tensor));
    const emitter = this.#emitter(step, site);
    if (this.target.supports(site)) {
      this.target.lower(site, emitter);
      return 'native';
    }
    const form = this.#floatForm(site, step, {
      expanded: (known) => this.#knownRef(known),
      float: (type) => this.#add({ kind: 'arena', bytes: storageBytes(type) }),
    });
    if (form === null) return 'unsupported';
    for (const each of [...form.before, form.site, ...form.after]) {
      this.target.lower(each, emitter);
    }
    return 'via-float32';
  }

  /** Whether the output of a step may share its input's buffer. */
  isAlias({ node }: Step): boolean {
    if (!this.target.isAlias(node.op)) return false;
    const [input, output] = [node.inputs[0] as number, node.outputs[0] as number];
    if (this.tensors.isVariable(input) || this.tensors.isVariable(output)) return false;
    const [from, to] = [this.tensors.type(input), this.tensors.type(output)];
    return sameElements(from, to) && storageBytes(from) === storageBytes(to);
  }

  /** Whether there is nothing to compute. */
  #isEmpty({ node }: Step): boolean {
    return node.outputs.every((tensor) => storageBytes(this.tensors.type(tensor)) === 0);
  }

  #site({ node, fused }: Step, refOf: (tensor: number) => BufferRef): Site {
    const operand = (tensor: number): Operand => {
      const known = this.tensors.known(tensor);
      return {
        type: this.tensors.type(tensor),
        ref: refOf(tensor),
        get value() {
          return known?.elements;
        },
        blocks: known?.blocks ?? null,
        isVariable: this.tensors.isVariable(tensor),
      };
    };
    return {
      op: node.op,
      options: node.options,
      fused,
      inputs: node.inputs.map((tensor) => (tensor < 0 ? null : operand(tensor))),
      outputs: node.outputs.map(operand),
      intermediates: node.intermediates.map((tensor) =>
        tensor < 0 ? null : this.tensors.type(tensor),
      ),
    };
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

  #emitter({ node }: Step, site: Site): PlanEmitter {
    const sources = node.inputs.map((tensor) => this.tensors.known(tensor));
    // What depends on constants alone outlives the plan; ids say which constants those are.
    const ids = sources.map((known) => (known === undefined ? '' : known.id));
    const isShared = ids.some((id) => id) && ids.every((id) => id !== null);
    const idOf = (key: string) => (isShared ? [node.op, key, ...ids].join('|') : null);
    return {
      call: (work, uses, part = node) => {
        this.#calls.push({ work, uses, node: part, site: node });
      },
      scratch: (bytes) => this.#add({ kind: 'arena', bytes }),
      constant: (key, make) => this.#add({ kind: 'made', id: idOf(key), make }),
      computed: (key, bytes, calls) => this.#add({ kind: 'computed', id: idOf(key), bytes, calls }),
      choose: (decision) => this.#choose(decision, site, node),
    };
  }

  #choose<C extends string>(decision: Decision<C>, site: Site, { name, op }: NodeLabel): C {
    const signature = signatureOf(site, decision.given);
    const { taken, by } = choose(decision, signature, this.overrule);
    const { decision: what, candidates } = decision;
    const isNew = this.#choices.every(
      (other) => other.decision !== what || other.signature !== signature,
    );
    if (isNew) {
      this.#choices.push({ node: name, op, decision: what, candidates, taken, by, signature });
    }
    return taken;
  }

  /**
   * A site in float32: inputs of reduced precision are expanded before, outputs reduced after. Null
   * where that changes nothing or where the backend lacks a kernel for it, too.
   */
  #floatForm(
    site: Site,
    step: Step,
    places: { expanded(known: Known): BufferRef; float(type: TensorType): BufferRef },
  ): FloatForm | null {
    const before: Site[] = [];
    const after: Site[] = [];
    const inputs = site.inputs.map((operand, index): Operand | null => {
      const type = operand && expandedType(operand.type);
      if (operand === null || type === null) return operand;
      const tensor = step.node.inputs[index] as number;
      const known = this.tensors.known(tensor);
      const expanded = known === undefined ? null : this.expand(known);
      if (expanded !== null) {
        return { type, ref: places.expanded(expanded), value: expanded.elements };
      }
      const { isVariable = false } = operand;
      const float = { type, ref: places.float(type), value: undefined, isVariable };
      before.push(conversionSite(operand, float));
      // State is an input that the node updates.
      if (isVariable) after.push(conversionSite(float, operand));
      return float;
    });
    const outputs = site.outputs.map((operand): Operand => {
      const type = expandedType(operand.type);
      if (type === null) return operand;
      const float = { type, ref: places.float(type), value: undefined };
      after.push(conversionSite(float, operand));
      return float;
    });
    const changed = inputs.some((operand, i) => operand !== site.inputs[i]) || after.length > 0;
    const form = { ...site, inputs, outputs, intermediates: [] };
    const hasKernels = [form, ...before, ...after].every((each) => this.target.supports(each));
    return changed && hasKernels ? { site: form, before, after } : null;
  }
}

/** The conversion between reduced precision and float32, as a site. */
function conversionSite(from: Operand, to: Operand): Site {
  return {
    ...conversionNode(from.type, to.type),
    fused: {},
    inputs: [from],
    outputs: [to],
    intermediates: [],
  };
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
