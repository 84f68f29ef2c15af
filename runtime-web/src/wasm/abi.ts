/** The layouts that runtime-wasm/src/program.h declares. */

/** A step: kernel id, address of its parameter block. */
export const STEP_BYTES = 8;

/** Word indices in a team; times.ts has one more. */
export const TEAM = {
  threads: 0,
  leaderWaits: 1,
  epoch: 2,
  phase: 3,
  stopped: 4,
  program: 5,
  steps: 6,
  sleepers: 8,
  arrived: 16,
} as const;

export const TEAM_BYTES = 128;

/** Why a program ended early. */
export interface Fault {
  /** A number of FAULTS, or FAULT_STOPPED. */
  readonly kind: number;
  /** The step that reported it. */
  readonly step: number;
  readonly value: bigint;
  readonly bound: bigint;
}

export const FAULT_STOPPED = 255;

export function readFault(memory: WebAssembly.Memory, address: number): Fault {
  const view = new DataView(memory.buffer, address);
  return {
    kind: view.getUint32(0, true),
    step: view.getUint32(4, true),
    value: view.getBigInt64(8, true),
    bound: view.getBigInt64(16, true),
  };
}

/** Each thread but the first gets its stack from the host; as large as the linker makes the first's. */
export const STACK_BYTES = 64 * 1024;

/** What an instance of the kernels exports. */
export interface KernelExports {
  /** 0 when the program has run, else the address of what ended it. */
  run(program: number, steps: number, team: number): number;
  work(team: number, thread: number): void;
  readonly __stack_pointer: WebAssembly.Global;
  readonly __heap_base: WebAssembly.Global;
}

/** What a worker needs to become a thread of a team. */
export interface WorkerTask {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly team: number;
  readonly thread: number;
  /** The top of its stack. */
  readonly stack: number;
  /** The caller's time origin, which the clocks of all threads count from. */
  readonly timeOrigin: number;
}

/** @param timeOrigin of the thread whose performance.now() the times of steps shall be */
export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  timeOrigin: number,
): KernelExports {
  const ahead = performance.timeOrigin - timeOrigin;
  const clock = () => performance.now() + ahead;
  const instance = new WebAssembly.Instance(module, { env: { memory, clock } });
  return instance.exports as unknown as KernelExports;
}
