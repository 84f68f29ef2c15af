/** How lowerings emit calls of the WASM kernels. */
import { isPointer, type KernelCallArguments, type KernelName } from '@linnet/runtime-wasm';
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
import type { KernelTable } from './kernel-table.js';

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

/** An emitter into a plan that `threads` threads will run, of the kernels of a module. */
export function kernelEmitter(
  plan: PlanEmitter<KernelCall>,
  kernels: KernelTable,
  threads: number,
): Emitter {
  return {
    call: (kernel, args) => {
      const call = { kernel, args: args as KernelCall['args'] };
      plan.call(call, pointersOf(kernels, call));
    },
    partOf: (node) =>
      kernelEmitter(
        { ...plan, call: (work, uses) => plan.call(work, uses, node) },
        kernels,
        threads,
      ),
    choose: plan.choose,
    scratch: plan.scratch,
    threadScratch: (bytes) => plan.scratch(bytes * threads),
    constant: plan.constant,
    computed: (key, bytes, kernel, calls) =>
      plan.computed(key, bytes, function* () {
        for (const args of calls()) yield constantCall(kernels, kernel, args);
      }),
  };
}

function constantCall<K extends KernelName>(
  kernels: KernelTable,
  kernel: K,
  args: KernelCallArguments<K, Place>,
): ConstantCall<KernelCall> {
  const sources: TypedArray[] = [];
  const referTo = (place: Place): BufferRef =>
    typeof place === 'number'
      ? { buffer: 0, offset: place }
      : { buffer: sources.push(place), offset: 0 };
  const placed: Record<string, unknown> = { ...args };
  for (const { name, type } of kernels.of(kernel).fields) {
    const place = placed[name] as Place | null;
    if (isPointer(type) && place !== null) placed[name] = referTo(place);
  }
  return { work: { kernel, args: placed as KernelCall['args'] }, sources };
}

/** The places behind a call's pointers. */
function pointersOf(kernels: KernelTable, { kernel, args }: KernelCall): readonly BufferRef[] {
  return kernels.of(kernel).fields.flatMap(({ name, type }) => {
    const ref = args[name] as BufferRef | null;
    return isPointer(type) && ref !== null ? [ref] : [];
  });
}
