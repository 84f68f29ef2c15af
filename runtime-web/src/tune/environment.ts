import { nodeModule } from '../base.js';
import type { Selection } from '../wasm/environment.js';

/**
 * What measured times hold for: the build of the kernels, by the id that it was given, the number of
 * threads and the kind of machine.
 */
export function environmentOf({ build, threads }: Selection, module: WebAssembly.Module): string {
  return `${build} ${buildId(module)}, ${threads} threads, ${machine()}`;
}

/** The same for what a GPU runs: what it calls itself, and the kind of machine. */
export function deviceEnvironmentOf(description: string): string {
  return `webgpu on ${description}, ${machine()}`;
}

/** Source: WebAssembly tool conventions, "Build ID Section": the length, then the bytes. */
function buildId(module: WebAssembly.Module): string {
  const [section] = WebAssembly.Module.customSections(module, 'build_id');
  const bytes = new Uint8Array(section ?? new ArrayBuffer(0)).subarray(1);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function machine(): string {
  const os = nodeModule('node:os');
  if (os === undefined) return `${navigator.hardwareConcurrency} cores, ${navigator.userAgent}`;
  const model = os.cpus()[0]?.model ?? 'unknown';
  return `${os.availableParallelism()} cores, ${model}, ${process.arch}, V8 ${process.versions.v8}`;
}
