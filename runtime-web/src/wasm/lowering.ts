/** How lowerings emit calls of the WASM kernels. */
import {
  isPointer,
  KERNELS,
  type KernelCallArguments,
  type KernelName,
} from '@linnet/runtime-wasm';
import type { OpName, TypedArray } from '@linnet/schema';
import type { Decision } from '../plan/choice.js';
import type {
  BufferRef,
  ConstantCall,
  PlanEmitter,
  Lowering as PlanLowering,
  Workspace,
} from '../plan/lowering.js';
import type { NodeLabel } from '../plan/plan.js';

/** What a call of a program runs. */
export interface KernelCall {
  readonly kernel: KernelName;
  /** The values of the declaration's fields; pointers as BufferRefs or null. */
  readonly args: Readonly<Record<string, BufferRef | number | readonly number[] | null>>;
}

/** What a pointer of a call that computes a constant leads to: elements to read, or the byte to write from. */
export type Place = TypedArray | number;

export interface Emitter extends Workspace {
  /** Appends a kernel call. Pointers are BufferRefs; liveness follows from the declaration. */
  call<K extends KernelName>(kernel: K, args: KernelCallArguments<K, BufferRef>): void;
  /** The same, for calls that are part of a node that was folded into the site's. */
  partOf(node: NodeLabel): Emitter;
  /** The candidate of a decision that the site's calls are to follow. */
  choose<C extends string>(decision: Decision<C>): C;
  /**
   * Scratch for every thread that may run the plan: `bytes` (a multiple of 64) times the number of
   * threads; thread t owns those from t * bytes on.
   */
  threadScratch(bytes: number): BufferRef;
  /** A constant of `bytes` bytes that calls of a kernel compute; `key` as for `constant`. */
  computed<K extends KernelName>(
    key: string,
    bytes: number,
    kernel: K,
    calls: () => Iterable<KernelCallArguments<K, Place>>,
  ): BufferRef;
}

export type Lowering<N extends OpName> = PlanLowering<N, Emitter>;

/** An emitter into a plan that `threads` threads will run. */
export function kernelEmitter(plan: PlanEmitter<KernelCall>, threads: number): Emitter {
  return {
    call: (kernel, args) => {
      const call = { kernel, args: args as KernelCall['args'] };
      plan.call(call, pointersOf(call));
    },
    partOf: (node) =>
      kernelEmitter({ ...plan, call: (work, uses) => plan.call(work, uses, node) }, threads),
    choose: plan.choose,
    scratch: plan.scratch,
    threadScratch: (bytes) => plan.scratch(bytes * threads),
    constant: plan.constant,
    computed: (key, bytes, kernel, calls) =>
      plan.computed(key, bytes, function* () {
        for (const args of calls()) yield constantCall(kernel, args);
      }),
  };
}

function constantCall<K extends KernelName>(
  kernel: K,
  args: KernelCallArguments<K, Place>,
): ConstantCall<KernelCall> {
  const sources: TypedArray[] = [];
  const referTo = (place: Place): BufferRef =>
    typeof place === 'number'
      ? { buffer: 0, offset: place }
      : { buffer: sources.push(place), offset: 0 };
  const placed: Record<string, unknown> = { ...args };
  for (const [field, type] of Object.entries(KERNELS[kernel])) {
    const place = placed[field] as Place | null;
    if (isPointer(type) && place !== null) placed[field] = referTo(place);
  }
  return { work: { kernel, args: placed as KernelCall['args'] }, sources };
}

/** The places behind a call's pointers. */
function pointersOf({ kernel, args }: KernelCall): readonly BufferRef[] {
  return Object.entries(KERNELS[kernel]).flatMap(([field, type]) => {
    const ref = args[field] as BufferRef | null;
    return isPointer(type) && ref !== null ? [ref] : [];
  });
}
