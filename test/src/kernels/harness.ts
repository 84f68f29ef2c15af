/**
 * Runs single kernels of a build on typed arrays, for tests and benchmarks.
 *
 * Each array is copied between guard bytes that read as NaN or large integers, so that a read
 * outside shows in results; a write outside throws.
 */
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import {
  blockLayout,
  isPointer,
  KERNELS,
  type KernelCallArguments,
  type KernelName,
} from '@linnet/runtime-wasm';
import { BUILDS, type Build, wasmUrl } from '@linnet/runtime-wasm/build';
import type { TypedArray } from '@linnet/schema';

/** Node 20 has relaxed SIMD behind this flag; engines that have it for good ignore the flag. */
setFlagsFromString('--experimental-wasm-relaxed-simd');

const ALIGNMENT = 64;
const GUARD_BYTES = 64;
const GUARD = 0xff;
const STACK_BYTES = 256 * 1024;
const STEP_BYTES = 8;
const TEAM_BYTES = 128;
const PAGE_BYTES = 65536;

/** A module that this engine cannot compile, as the reason to skip its tests; else undefined. */
export async function whyNotRunnable(build: Build): Promise<string | undefined> {
  try {
    await WebAssembly.compile(await readFile(wasmUrl(build)));
    return undefined;
  } catch (error) {
    return `${build}: ${(error as Error).message}`;
  }
}

/** A program ended early: runtime-wasm/src/program.h. */
export class KernelFault extends Error {
  readonly kind: number;
  readonly value: bigint;
  readonly bound: bigint;

  constructor(kernel: KernelName, record: DataView) {
    super(`${kernel} reported a fault`);
    this.kind = record.getUint32(0, true);
    this.value = record.getBigInt64(8, true);
    this.bound = record.getBigInt64(16, true);
  }
}

export interface KernelHost {
  readonly threads: number;
  /** Runs one kernel; arrays behind out, inout and temp pointers hold what it wrote. */
  call<K extends KernelName>(kernel: K, args: KernelCallArguments<K, TypedArray>): void;
  /** The same, `repeats` times in one program; gives the milliseconds of it all. */
  time<K extends KernelName>(
    kernel: K,
    args: KernelCallArguments<K, TypedArray>,
    repeats: number,
  ): number;
  close(): Promise<void>;
}

const WORKER_SOURCE = `
const { workerData } = require('node:worker_threads');
require('node:v8').setFlagsFromString('--experimental-wasm-relaxed-simd');
const { bytes, memory, stack, team, thread } = workerData;
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
  env: { memory, clock: () => performance.now() },
});
exports.__stack_pointer.value = stack;
exports.work(team, thread, 0);
`;

/** Opens a build with `threads` threads (more than one in shared builds only) and `megabytes` of memory. */
export async function openKernels(build: Build, threads = 1, megabytes = 64): Promise<KernelHost> {
  const bytes = await readFile(wasmUrl(build));
  const pages = (megabytes * 1024 * 1024) / PAGE_BYTES;
  const { shared } = BUILDS[build];
  const memory = new WebAssembly.Memory({
    initial: pages,
    maximum: shared ? pages : undefined,
    shared,
  } as WebAssembly.MemoryDescriptor);
  const instance = await WebAssembly.instantiate(await WebAssembly.compile(bytes), {
    env: { memory, clock: () => performance.now() },
  });
  const exports = instance.exports as unknown as {
    __heap_base: WebAssembly.Global<'i32'>;
    run(program: number, steps: number, team: number): number;
  };

  let top = exports.__heap_base.value;
  const reserve = (size: number): number => {
    const at = Math.ceil(top / ALIGNMENT) * ALIGNMENT;
    top = at + size;
    if (top > memory.buffer.byteLength) throw new RangeError(`needs more than ${megabytes} MB`);
    return at;
  };
  const team = reserve(TEAM_BYTES);
  new Uint32Array(memory.buffer, team, 2).set([threads, 1]);
  const workers = Array.from({ length: threads - 1 }, (_, i) => {
    const stack = reserve(STACK_BYTES) + STACK_BYTES;
    return new Worker(WORKER_SOURCE, {
      eval: true,
      workerData: { bytes, memory, stack, team, thread: i + 1 },
    });
  });
  const base = top;

  const time: KernelHost['time'] = (kernel, args, repeats) => {
    top = base;
    const { fields, size } = blockLayout(KERNELS[kernel]);
    const block = reserve(size);
    const program = reserve(STEP_BYTES * repeats);
    const placed: { name: string; at: number; array: TypedArray; writable: boolean }[] = [];
    for (const { name, offset, type, count } of fields) {
      const value = (args as Record<string, unknown>)[name];
      if (isPointer(type)) {
        const array = value as TypedArray | null;
        const address = new Uint32Array(memory.buffer, block + offset, 1);
        address[0] = 0;
        if (array === null) continue;
        const at = reserve(array.byteLength + 2 * GUARD_BYTES) + GUARD_BYTES;
        new Uint8Array(memory.buffer, at - GUARD_BYTES, array.byteLength + 2 * GUARD_BYTES).fill(
          GUARD,
        );
        bytesAt(at, array).set(bytesOf(array));
        placed.push({ name, at, array, writable: type !== 'in' });
        address[0] = at;
      } else {
        const ArrayOf = { i32: Int32Array, u32: Uint32Array, f32: Float32Array }[type];
        new ArrayOf(memory.buffer, block + offset, count).set(
          count === 1 ? [value as number] : (value as number[]),
        );
      }
    }
    const id = Object.keys(KERNELS).indexOf(kernel);
    const steps = new Uint32Array(memory.buffer, program, (repeats * STEP_BYTES) / 4);
    for (let i = 0; i < repeats; i++) steps.set([id, block], 2 * i);

    const started = performance.now();
    const fault = exports.run(program, repeats, team);
    const elapsed = performance.now() - started;
    if (fault !== 0) throw new KernelFault(kernel, new DataView(memory.buffer, fault, 24));
    for (const { name, at, array, writable } of placed) {
      const guards = [at - GUARD_BYTES, at + array.byteLength].map(
        (from) => new Uint8Array(memory.buffer, from, GUARD_BYTES),
      );
      if (guards.some((guard) => guard.some((byte) => byte !== GUARD)))
        throw new Error(`${kernel} wrote outside ${name}`);
      if (writable) bytesOf(array).set(bytesAt(at, array));
      else if (Buffer.compare(bytesOf(array), bytesAt(at, array)) !== 0)
        throw new Error(`${kernel} changed its input ${name}`);
    }
    return elapsed;
  };
  const bytesAt = (at: number, array: TypedArray) =>
    new Uint8Array(memory.buffer, at, array.byteLength);

  return {
    threads,
    time,
    call: (kernel, args) => {
      time(kernel, args, 1);
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

function bytesOf(array: TypedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
