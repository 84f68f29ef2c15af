/** A compute shader as a value: what it reads and writes, its parameters and its body. */
import { type Arithmetic, FAULTS, type FaultKind } from '@linnet/runtime-wasm';
import { type DType, invariant } from '@linnet/schema';
import type { BufferRef } from '../../plan/lowering.js';
import type { Traits } from '../traits.js';
import { accessOf, elementOf, isStored, type Width } from './storage.js';

/** A buffer that a shader sees. */
export interface Binding {
  readonly ref: BufferRef;
  readonly access: 'read' | 'read_write';
  /** The type of its array's elements in WGSL. */
  readonly array: string;
  /** Functions to read and write a tensor's elements, given the binding's name. */
  readonly functions: (name: string, traits: Traits) => string;
}

/** Elements of a dtype in a buffer: what of a tensor bindings are made from. */
export interface Elements {
  readonly ref: BufferRef;
  readonly type: { readonly dtype: DType };
}

/**
 * A tensor that a shader reads: `NAME_load(i)` gives element i, or with a width of 4 elements 4i to
 * 4i + 3 as a vector (past the tensor's end they are undefined), as f32 or i32.
 */
export function reads({ ref, type: { dtype } }: Elements, width: Width): Binding {
  invariant(isStored(dtype), `Shaders do not read ${dtype}.`);
  const { array, load } = accessOf(dtype, width);
  const type = width === 1 ? elementOf(dtype) : `vec4<${elementOf(dtype)}>`;
  return {
    ref,
    access: 'read',
    array,
    functions: (name, traits) => `fn ${name}_load(i: u32) -> ${type} { ${load(name, traits)} }`,
  };
}

/**
 * A tensor that a shader writes: `NAME_store(i, value)`, by elements or fours as `reads` has it.
 * Dtypes narrower than 32 bits are written in fours only; what lies past the tensor's end is padding.
 */
export function writes({ ref, type: { dtype } }: Elements, width: Width): Binding {
  invariant(isStored(dtype), `Shaders do not write ${dtype}.`);
  const { array, store } = accessOf(dtype, width);
  invariant(store !== null, `Shaders do not write ${dtype} ${width} at a time.`);
  const type = width === 1 ? elementOf(dtype) : `vec4<${elementOf(dtype)}>`;
  return {
    ref,
    access: 'read_write',
    array,
    functions: (name) =>
      `fn ${name}_store(i: u32, value: ${type}) { ${store(name, 'i', 'value')} }`,
  };
}

/** A buffer that a shader takes as an array of some type: `NAME[i]`. */
export function array(ref: BufferRef, type: string, access: Binding['access']): Binding {
  return { ref, access, array: type, functions: () => '' };
}

/** Vectors of four float16, which only kernels with `halves` read: `NAME_load(i)`. */
export function readsHalves(ref: BufferRef): Binding {
  const type = 'vec4<f16>';
  const functions = (name: string) => `fn ${name}_load(i: u32) -> ${type} { return ${name}[i]; }`;
  return { ref, access: 'read', array: type, functions };
}

/** A parameter that the body reads as `params.NAME`. */
export type Param = readonly [type: 'u32' | 'i32' | 'f32', value: number];

export const u32 = (value: number): Param => ['u32', value];
export const i32 = (value: number): Param => ['i32', value];
export const f32 = (value: number): Param => ['f32', value];

/** Workgroups to run, or invocations one after the other, of which there are at least that many. */
export type Grid =
  | { readonly workgroups: readonly [x: number, y: number, z: number] }
  | { readonly invocations: number };

export interface Kernel {
  /** What profiles call it. */
  readonly label: string;
  readonly bindings: Readonly<Record<string, Binding>>;
  /** What differs from one use of the kernel to the next, so that all share one pipeline. */
  readonly params?: Readonly<Record<string, Param>>;
  /** Invocations of a workgroup; by default a line of them that suits the device. */
  readonly workgroup?: readonly [x: number, y: number, z: number];
  readonly grid: Grid;
  /** What it computes, for profiles; 0 by default, as for kernels that multiply little. */
  readonly multiplyAdds?: number;
  /** In which arithmetic; float32 by default. */
  readonly arithmetic?: Arithmetic;
  /** Functions, constants and workgroup variables. */
  readonly declarations?: string;
  /**
   * Whether the body passes values between the four invocations of a quad, which are neighbours in
   * a workgroup that is a line: it has `quad_lane`, 0 to 3. The device must have subgroups.
   */
  readonly quads?: boolean;
  /** Whether it computes with `f16`, which the device must have. */
  readonly halves?: boolean;
  /** What is wrong where the body calls `fault(value: vec2<u32>, bound: u32)`, which makes the run fail. */
  readonly faults?: ShaderFault;
  /**
   * Statements of the entry point. It has `group` (workgroup_id), `local` (local_invocation_id),
   * `lane` (local_invocation_index), `id` (global_invocation_id) and, on a grid of invocations,
   * `index`: the invocation's number, which may reach past the last.
   */
  readonly body: string;
}

/** What goes wrong on devices: as anywhere, or that a number is too large to go on in float16. */
export type ShaderFault = FaultKind | 'range';

/** Beside the numbers of FAULTS. */
export const RANGE_FAULT = 255;

/** A shader ready to run. */
export interface Shader {
  readonly label: string;
  /** Stands for the pipeline: equal texts share one. */
  readonly wgsl: string;
  readonly access: readonly Binding['access'][];
  readonly refs: readonly BufferRef[];
  /** The uniform block; empty where the kernel has no parameters. */
  readonly params: Uint8Array;
  /** Whether the last binding is for a fault: FAULT_BYTES of storage. */
  readonly faults: boolean;
  readonly multiplyAdds: number;
  readonly arithmetic: Arithmetic;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** A fault's kind (0: there is none), value (int64, the low word first) and bound. */
export const FAULT_BYTES = 16;

/** Of all faults of a run of a kernel, which come in any order, the first to be there is kept. */
const faultFunction = (kind: ShaderFault) => `
fn fault(value: vec2<u32>, bound: u32) {
  if (atomicExchange(&faults[0], ${kind === 'range' ? RANGE_FAULT : FAULTS[kind]}u) != 0u) { return; }
  atomicStore(&faults[1], value.x);
  atomicStore(&faults[2], value.y);
  atomicStore(&faults[3], bound);
}`;

/** More workgroups than this in one dimension are spread over two. */
const MAX_WORKGROUPS = 65535;

/** Invocations of a workgroup of kernels that do not choose. */
const LINE = 64;

export function assemble(kernel: Kernel, traits: Traits): Shader {
  const { label, grid, declarations = '', body, params = {}, faults } = kernel;
  const { quads = false, halves = false } = kernel;
  const workgroup = kernel.workgroup ?? [LINE, 1, 1];
  const bindings = Object.entries(kernel.bindings);
  const entries = Object.entries(params);
  const isLine = 'invocations' in grid;
  const wgsl = [
    halves ? 'enable f16;' : '',
    quads ? 'enable subgroups;' : '',
    ...bindings.map(
      ([name, { access, array }], at) =>
        `@group(0) @binding(${at}) var<storage, ${access}> ${name}: array<${array}>;`,
    ),
    ...(entries.length > 0
      ? [
          `struct Params { ${entries.map(([name, [type]]) => `${name}: ${type}`).join(', ')} }`,
          `@group(0) @binding(${bindings.length}) var<uniform> params: Params;`,
        ]
      : []),
    ...(faults !== undefined
      ? [
          `@group(0) @binding(${bindings.length + Math.min(entries.length, 1)}) var<storage, read_write> faults: array<atomic<u32>, ${FAULT_BYTES / 4}>;`,
          faultFunction(faults),
        ]
      : []),
    ...bindings.map(([name, { functions }]) => functions(name, traits)),
    declarations,
    `@compute @workgroup_size(${workgroup.join(', ')})`,
    'fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {',
    quads ? 'let quad_lane = lane & 3u;' : '',
    isLine ? `let index = (group.y * groups.x + group.x) * ${workgroup[0]}u + lane;` : '',
    body,
    '}',
  ].join('\n');
  return {
    label,
    wgsl,
    access: bindings.map(([, { access }]) => access),
    refs: bindings.map(([, { ref }]) => ref),
    params: encodeParams(entries.map(([, param]) => param)),
    faults: faults !== undefined,
    multiplyAdds: kernel.multiplyAdds ?? 0,
    arithmetic: kernel.arithmetic ?? 'float32',
    workgroups: isLine ? line(grid.invocations, workgroup[0]) : grid.workgroups,
  };
}

function line(invocations: number, size: number): [number, number, number] {
  const groups = Math.ceil(invocations / size);
  const rows = Math.max(1, Math.ceil(groups / MAX_WORKGROUPS));
  return [Math.ceil(groups / rows), rows, 1];
}

function encodeParams(params: readonly Param[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * params.length));
  params.forEach(([type, value], at) => {
    if (type === 'f32') view.setFloat32(4 * at, value, true);
    else if (type === 'i32') view.setInt32(4 * at, value, true);
    else view.setUint32(4 * at, value, true);
  });
  return new Uint8Array(view.buffer);
}
