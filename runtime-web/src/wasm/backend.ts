import type { Build } from '@linnet/runtime-wasm';
import { invariant, LinnetError, type OpName } from '@linnet/schema';
import { atOnce, inTurns } from '../base.js';
import type { LoadedOps } from '../ops/load.js';
import { layOut } from '../plan/arena.js';
import type { BackendMemory, BoundProgram, HostBackend, Peaks } from '../plan/backend.js';
import type { LowerSite, PlanEmitter } from '../plan/lowering.js';
import type { PlanBuffer, Program } from '../plan/plan.js';
import { FAULT_STOPPED, type Fault, instantiate, type KernelExports, readFault } from './abi.js';
import { type ConstantBuffer, ConstantFiller } from './constants.js';
import { codeBytes, encodeCalls } from './encode.js';
import { type Block, Heap } from './heap.js';
import { KernelTable } from './kernel-table.js';
import type { Kernels } from './kernels.js';
import { type KernelCall, kernelEmitter, type Lowering } from './lowering.js';
import { profileCode } from './profile-code.js';
import { WasmProgram } from './program.js';
import { type Team, teamOfOne } from './team.js';

export interface WasmOptions {
  readonly kernels: Kernels;
  readonly signal?: AbortSignal | undefined;
  /** How many bytes of constants to expect, so that the memory need not grow for them. */
  readonly constantBytes: number;
  /** The ops that there are lowerings of. */
  readonly ops: LoadedOps;
}

const PAGE_BYTES = 65536;

/** For the modules' stack and static data. */
const FIRST_PAGES = 2;

/** Only shared memories declare a maximum; some engines reserve it, so smaller ones are tried too. */
const SHARED_MAXIMA = [65536, 32768, 16384, 8192];

/** Runs programs on the WASM kernels. */
export class WasmBackend implements HostBackend<KernelCall> {
  readonly name = 'wasm';
  readonly fuses = new Set([
    'padding',
    'activation',
    'expansion',
    'normalization',
    'attention',
    'gatesInput',
  ] as const);
  readonly layOut = layOut;
  /** Constants that outlive the programs that use them, by id. */
  readonly #residents = new Map<string, Block>();
  readonly #states = new Map<string, Block>();
  readonly #filler: ConstantFiller;
  readonly #firstStack: number;
  readonly #lowerings: ReturnType<LoadedOps['lowerings']>;
  #isBroken = false;
  #peaks: Promise<Peaks> | null = null;

  private constructor(
    readonly build: Build,
    readonly threadsReason: string,
    readonly kernels: KernelExports,
    readonly table: KernelTable,
    readonly heap: Heap,
    readonly team: Team,
    readonly ops: LoadedOps,
  ) {
    this.#lowerings = ops.lowerings();
    this.#firstStack = kernels.__stack_pointer.value;
    this.#filler = new ConstantFiller(heap, table, (code, steps) => this.execute(code, steps));
  }

  /**
   * Loads the kernels and starts the threads.
   *
   * @throws LinnetError of code ENVIRONMENT, IO or OUT_OF_MEMORY
   */
  static async create(options: WasmOptions): Promise<WasmBackend> {
    const { build, threads, threadsReason } = options.kernels.selection;
    const module = await options.kernels.module;
    const table = new KernelTable(module);
    const pages = FIRST_PAGES + Math.ceil(options.constantBytes / PAGE_BYTES);
    const memory = createMemory(pages, threads > 1);
    const kernels = instantiate(module, memory, performance.timeOrigin);
    const heap = new Heap(memory, kernels.__heap_base.value);
    const { threads: code, workers } = options.kernels;
    const team = code
      ? await (await code).startTeam(module, heap, threads, workers, options.signal)
      : teamOfOne(heap);
    return new WasmBackend(build, threadsReason, kernels, table, heap, team, options.ops);
  }

  get rewrites() {
    return this.ops.rewrites;
  }

  get threads(): number {
    return this.team.threads;
  }

  isAlias(op: OpName): boolean {
    return this.#lowering(op)?.alias === true;
  }

  canPitch(op: OpName): boolean {
    return this.#lowering(op)?.pitched === true;
  }

  supports(site: LowerSite<OpName>): boolean {
    return this.#lowering(site.op)?.supports(site) === true;
  }

  lower(site: LowerSite<OpName>, emit: PlanEmitter<KernelCall>): void {
    this.#lowering(site.op)?.lower(site, kernelEmitter(emit, this.table, this.threads));
  }

  evaluate(program: Program<KernelCall>): readonly Uint8Array[] {
    const bound = atOnce(this.#bind(program, false));
    try {
      return bound.execute(0, [], 'INVALID_MODEL');
    } finally {
      bound.dispose();
    }
  }

  bind(program: Program<KernelCall>): Promise<BoundProgram> {
    return inTurns(this.#bind(program, true));
  }

  resetState(): void {
    for (const { address, bytes } of this.#states.values()) {
      this.heap.view.fill(0, address, address + bytes);
    }
  }

  memory(): BackendMemory {
    const sum = (blocks: Iterable<{ bytes: number }>) =>
      [...blocks].reduce((total, { bytes }) => total + bytes, 0);
    return {
      constants: sum(this.#residents.values()),
      state: sum(this.#states.values()),
      total: this.heap.total,
    };
  }

  peaks(): Promise<Peaks> {
    this.#peaks ??= profileCode().then(({ measurePeaks }) => measurePeaks(this));
    return this.#peaks;
  }

  dispose(): void {
    this.#isBroken = true;
    this.team.stop();
  }

  /** Null for ops that planning does away with. */
  #lowering(op: OpName): Lowering<OpName> | null {
    const lowering = this.#lowerings[op] as Lowering<OpName> | 'structural' | undefined;
    invariant(lowering !== undefined, `The family of ${op} has not been loaded.`);
    return lowering === 'structural' ? null : lowering;
  }

  /**
   * Yields the bytes of constants that it has got through.
   *
   * @param keeps whether constants stay resident for programs to come
   */
  *#bind(program: Program<KernelCall>, keeps: boolean): Generator<number, WasmProgram> {
    const owned: number[] = [];
    let bytes = 0;
    const own = (size: number) => {
      const address = this.heap.allocate(size);
      owned.push(address);
      bytes += size;
      return address;
    };
    try {
      const blocks = yield* this.#place(program, keeps, own);
      const segments = program.segments.map((segment) => {
        const code = own(codeBytes(this.table, segment.calls));
        encodeCalls(this.table, segment.calls, blocks, code, this.heap.view);
        return { ...segment, code };
      });
      return new WasmProgram(this, segments, blocks, owned, bytes);
    } catch (error) {
      for (const address of owned) this.heap.free(address);
      throw error;
    }
  }

  /** The place of each buffer that the program uses. */
  *#place(
    program: Program<KernelCall>,
    keeps: boolean,
    own: (bytes: number) => number,
  ): Generator<number, ReadonlyMap<number, Block>> {
    const used = new Set<number>();
    for (const { calls, inputs, outputs } of program.segments) {
      for (const { ref } of [...inputs, ...outputs]) used.add(ref.buffer);
      for (const { uses } of calls) for (const { buffer } of uses) used.add(buffer);
    }
    const blocks = new Map<number, Block>();
    for (const index of used) {
      const buffer = program.buffers[index] as PlanBuffer<KernelCall>;
      if (buffer.kind === 'state') blocks.set(index, this.#placeState(buffer.id, buffer.bytes));
      else if (buffer.kind !== 'arena') {
        blocks.set(index, yield* this.#placeConstant(buffer, keeps, own));
      }
    }
    const arena = own(program.arena.bytes);
    for (const [index, offset] of program.arena.offsets) {
      const { bytes } = program.buffers[index] as PlanBuffer & { kind: 'arena' };
      blocks.set(index, { address: arena + offset, bytes });
    }
    return blocks;
  }

  #placeState(id: string, bytes: number): Block {
    const earlier = this.#states.get(id);
    if (earlier !== undefined) return earlier;
    const state = { address: this.heap.allocate(bytes), bytes };
    this.heap.view.fill(0, state.address, state.address + bytes);
    this.#states.set(id, state);
    return state;
  }

  *#placeConstant(
    buffer: ConstantBuffer,
    keeps: boolean,
    own: (bytes: number) => number,
  ): Generator<number, Block> {
    const id = buffer.kind === 'known' ? buffer.known.id : buffer.id;
    const key = `${buffer.kind} ${id}`;
    const resident = id === null ? undefined : this.#residents.get(key);
    if (resident !== undefined) return resident;
    if (id === null || !keeps) return yield* this.#filler.fill(buffer, own);
    const taken: number[] = [];
    try {
      const block = yield* this.#filler.fill(buffer, (bytes) => {
        taken.push(this.heap.allocate(bytes));
        return taken[0] as number;
      });
      // Another program may have been bound between two yields.
      const other = this.#residents.get(key);
      if (other !== undefined) return other;
      this.#residents.set(key, block);
      taken.pop();
      return block;
    } finally {
      for (const address of taken) this.heap.free(address);
    }
  }

  /** Runs steps at an address on all threads; what made one of them end the program, or null. */
  execute(code: number, steps: number): Fault | null {
    if (this.#isBroken) throw trapped();
    let address: number;
    try {
      address = this.kernels.run(code, steps, this.team.address);
    } catch (cause) {
      this.#fail();
      throw trapped(cause);
    }
    if (address === 0) return null;
    const fault = readFault(this.heap.memory, address);
    if (fault.kind !== FAULT_STOPPED) return fault;
    this.#fail();
    throw trapped();
  }

  #fail(): void {
    this.#isBroken = true;
    this.kernels.__stack_pointer.value = this.#firstStack;
    this.team.stop();
  }
}

function createMemory(pages: number, shared: boolean): WebAssembly.Memory {
  const attempts = shared ? SHARED_MAXIMA.filter((maximum) => maximum >= pages) : [undefined];
  for (const maximum of attempts) {
    try {
      return maximum === undefined
        ? new WebAssembly.Memory({ initial: pages })
        : new WebAssembly.Memory({ initial: pages, maximum, shared });
    } catch {
      // RangeError: the next attempt asks for less.
    }
  }
  throw new LinnetError(
    'OUT_OF_MEMORY',
    `The model needs ${Math.ceil((pages * PAGE_BYTES) / 2 ** 20)} MiB of memory, which cannot be had.`,
  );
}

function trapped(cause?: unknown): LinnetError {
  return new LinnetError(
    'INTERNAL',
    'A kernel trapped; this model instance cannot run any more.',
    {},
    ['This is a defect in Linnet; please report it with the model. Load the model again to go on.'],
    { cause },
  );
}
