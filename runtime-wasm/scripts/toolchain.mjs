/**
 * Finds a C compiler that can build the kernels.
 *
 * A toolchain is `{ name, identity, compile(source, args), link(objects, args) }`: `source` is a
 * path below the package, headers are found through `args`, objects and results are bytes.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

const execute = promisify(execFile);

/** Relaxed SIMD's final encoding of f32x4.relaxed_madd; pre-standard compilers emit another. */
const RELAXED_MADD = Buffer.from([0xfd, 0x85, 0x02]);
const PROBE = `#include <wasm_simd128.h>
v128_t probe(v128_t a, v128_t b, v128_t c) { return wasm_f32x4_relaxed_madd(a, b, c); }
`;
const PROBE_FLAGS = ['--target=wasm32', '-O2', '-ffreestanding', '-msimd128', '-mrelaxed-simd'];

/** Each candidate answers a toolchain, or throws an Error that says what is missing. */
const CANDIDATES = {
  '$EMSDK emcc': () =>
    emscripten(join(required(process.env.EMSDK, 'EMSDK is not set'), 'upstream/emscripten')),
  emcc: () => emscripten(''),
  clang: () => native('clang'),
  'clang-22': () => native('clang-22'),
  'clang-21': () => native('clang-21'),
  'clang-20': () => native('clang-20'),
  'clang-19': () => native('clang-19'),
  '@yowasp/clang': () => hosted(),
};

/**
 * The first candidate that compiles the probe as the standard wants it, or the one named `only`.
 * The caller closes it. Throws an Error that lists what was tried and what to install.
 */
export async function findToolchain(only) {
  if (only !== undefined && !(only in CANDIDATES)) {
    throw new Error(`Unknown compiler ${only}; known: ${Object.keys(CANDIDATES).join(', ')}`);
  }
  const tried = [];
  for (const [name, open] of Object.entries(CANDIDATES)) {
    if (only !== undefined && name !== only) continue;
    let toolchain;
    try {
      toolchain = await open();
      const object = await toolchain.compile(
        { name: 'probe.c', text: PROBE, headers: {} },
        PROBE_FLAGS,
      );
      if (object.includes(RELAXED_MADD)) return { name, ...toolchain };
      throw new Error('emits another encoding of relaxed SIMD than the standard');
    } catch (error) {
      tried.push(`${name}: ${reason(error)}`);
      await toolchain?.close();
    }
  }
  throw new Error(
    [
      'No C compiler that can build the WASM kernels was found.',
      ...tried.map((line) => `  tried ${line}`),
      '  Run `npm install` (it brings @yowasp/clang), or install clang 19 or later with lld.',
    ].join('\n'),
  );
}

/** Emscripten's own LLVM, which knows nothing of its runtime library when it is called directly. */
async function emscripten(folder) {
  const { stdout } = await execute(join(folder, 'em-config'), ['LLVM_ROOT']);
  return native(join(stdout.trim(), 'clang'));
}

async function native(clang) {
  const { stdout: version } = await execute(clang, ['--version']);
  const { stdout: linker } = await execute(clang, ['--print-prog-name=wasm-ld']);
  const { stdout: linkerVersion } = await execute(linker.trim(), ['--version']);
  return {
    identity: `${version.split('\n')[0]}, ${linkerVersion.trim()}`,
    parallelism: availableParallelism(),
    compile: (source, args) =>
      inTemporaryFolder(async (folder) => {
        await writeTree(folder, { ...source.headers, [source.name]: source.text });
        await run(clang, ['-c', ...args, source.name, '-o', 'out'], folder);
        return readFile(join(folder, 'out'));
      }),
    link: (objects, args) =>
      inTemporaryFolder(async (folder) => {
        await writeTree(folder, objects);
        await run(linker.trim(), [...args, ...Object.keys(objects), '-o', 'out'], folder);
        return readFile(join(folder, 'out'));
      }),
    close: async () => {},
  };
}

/** LLVM compiled to WASM: a few worker threads, each with an instance of its own. */
async function hosted() {
  const { version } = JSON.parse(
    await readFile(new URL('../package.json', import.meta.resolve('@yowasp/clang')), 'utf8'),
  );
  const parallelism = Math.min(availableParallelism(), 4);
  const workers = new Set();
  const idle = [];
  /** Runs a request on a worker that has nothing to do; callers keep to `parallelism` at a time. */
  const request = async (message) => {
    const worker = idle.pop() ?? new Worker(new URL('./hosted-clang.mjs', import.meta.url));
    workers.add(worker);
    worker.postMessage(message);
    const [{ output, failure }] = await once(worker, 'message');
    idle.push(worker);
    if (failure !== undefined) throw new Error(failure);
    return Buffer.from(output);
  };
  return {
    identity: `@yowasp/clang ${version}`,
    parallelism,
    compile: (source, args) =>
      request({
        tool: 'clang',
        args: ['clang', '-c', ...args, source.name, '-o', 'out'],
        files: { ...source.headers, [source.name]: source.text },
      }),
    link: (objects, args) =>
      request({
        tool: 'wasm-ld',
        args: ['wasm-ld', ...args, ...Object.keys(objects), '-o', 'out'],
        files: objects,
      }),
    close: async () => {
      await Promise.all([...workers].map((worker) => worker.terminate()));
    },
  };
}

async function inTemporaryFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'linnet-wasm-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeTree(folder, files) {
  for (const [name, contents] of Object.entries(files))
    await writeFile(join(folder, name), contents);
}

async function run(command, args, cwd) {
  try {
    const { stderr } = await execute(command, args, { cwd });
    if (stderr !== '') process.stderr.write(stderr);
  } catch (error) {
    throw new Error(error.stderr || error.message);
  }
}

function required(value, message) {
  if (value === undefined || value === '') throw new Error(message);
  return value;
}

function reason(error) {
  if (error.code === 'ENOENT') return `${error.path} is not installed`;
  if (error.code === 'ERR_MODULE_NOT_FOUND') return 'not installed';
  return error.message.trim().split('\n').slice(0, 3).join(' | ');
}
