/**
 * Builds dist/wasm/*.wasm from src/*.c: `node scripts/build.mjs [--compiler=NAME]`, after `tsc -b`.
 *
 * Results of earlier builds are reused by the hash of everything that goes into them. A build that
 * fails leaves no output of an older state behind.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { BUILDS } from '../dist/build.js';
import { blockLayout, describeKernels, KERNELS, KERNELS_SECTION } from '../dist/index.js';
import { withBuildId } from './build-id.mjs';
import { kernelsHeader } from './header.mjs';
import { withCustomSection, withoutCustomSections } from './sections.mjs';
import { findToolchain } from './toolchain.mjs';

const root = new URL('../', import.meta.url);
const objectFolder = new URL('build/objects/', root);
const outputFolder = new URL('dist/wasm/', root);

/** Pages of 64 KiB: all that 32-bit addresses reach. Only a shared memory must declare a maximum. */
const MAX_MEMORY_BYTES = 65536 * 65536;
/** Kernels nest frames of under 16 KiB (clang -fstack-usage). */
const STACK_BYTES = 64 * 1024;

/**
 * The SLP vectorizer is off because it packs the row pointers of microkernels into vectors. Arithmetic
 * stays in the order of the source: the scheduler's own order multiplies a column of a microkernel's
 * tile at a time, which keeps all rows' inputs alive and spills sums.
 */
const COMPILE_FLAGS = [
  '--target=wasm32',
  '-std=c17',
  '-O2',
  '-ffreestanding',
  '-ffp-contract=off',
  '-fno-strict-aliasing',
  '-fno-slp-vectorize',
  '-mllvm',
  '-pre-RA-sched=source',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-msimd128',
  '-mbulk-memory',
  '-mnontrapping-fptoint',
  '-I.',
];
const RELAXED_FLAGS = ['-mrelaxed-simd'];
const SHARED_FLAGS = ['-matomics'];

/** The stack comes first, so that an overflow traps instead of running into data. */
const LINK_FLAGS = [
  '--no-entry',
  '--import-memory',
  '--stack-first',
  '-z',
  `stack-size=${STACK_BYTES}`,
  '--export=__stack_pointer',
  '--export=__heap_base',
  '--gc-sections',
  '--strip-all',
  '--fatal-warnings',
];
const SHARED_LINK_FLAGS = ['--shared-memory', `--max-memory=${MAX_MEMORY_BYTES}`];

const { values: options } = parseArgs({ options: { compiler: { type: 'string' } } });
try {
  await build();
} catch (error) {
  await rm(outputFolder, { recursive: true, force: true });
  console.error(`build:wasm: ${error.message}`);
  process.exitCode = 1;
}

async function build() {
  const headerText = kernelsHeader(KERNELS, blockLayout);
  await mkdir(objectFolder, { recursive: true });
  await writeFile(new URL('build/kernels.h', root), headerText);
  const headers = {
    ...(await readAll('include/', '.h')),
    ...(await readAll('src/', '.h')),
    'kernels.h': headerText,
  };
  const sources = await readAll('src/', '.c');
  const description = Buffer.from(describeKernels(KERNELS));

  const toolchain = await findToolchain(options.compiler);
  try {
    const started = performance.now();
    const pool = limit(toolchain.parallelism);
    const used = new Set();
    const modules = await Promise.all(
      Object.entries(BUILDS).map(async ([name, traits]) => {
        const objects = {};
        await Promise.all(
          Object.entries(sources).map(async ([source, text]) => {
            const file = { name: source, text, headers: includedBy(text, headers) };
            const object = source.replace(/\.c$/, '.o');
            objects[object] = await compile(toolchain, pool, file, compileFlags(traits), used);
          }),
        );
        const sorted = Object.fromEntries(Object.entries(objects).sort());
        const linked = await pool(() => toolchain.link(sorted, linkFlags(traits)));
        const plain = withoutCustomSections(linked);
        const described = withCustomSection(plain, KERNELS_SECTION, description);
        return { file: `${name}.wasm`, bytes: withBuildId(described) };
      }),
    );
    await mkdir(outputFolder, { recursive: true });
    for (const { file, bytes } of modules) await replace(new URL(file, outputFolder), bytes);
    await keepOnly(outputFolder, new Set(modules.map(({ file }) => file)));
    await keepOnly(objectFolder, used);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`build:wasm: ${toolchain.identity}, ${seconds} s`);
    for (const { file, bytes } of modules) console.log(`  ${file} ${bytes.length} bytes`);
  } finally {
    await toolchain.close();
  }
}

function compileFlags({ relaxed, shared }) {
  return [...COMPILE_FLAGS, ...(relaxed ? RELAXED_FLAGS : []), ...(shared ? SHARED_FLAGS : [])];
}

function linkFlags({ shared }) {
  return [...LINK_FLAGS, ...(shared ? SHARED_LINK_FLAGS : [])];
}

/** The object of a source file, from an earlier build where nothing it depends on has changed. */
async function compile(toolchain, pool, source, flags, used) {
  const key = createHash('sha256')
    .update(JSON.stringify([toolchain.identity, flags, source]))
    .digest('hex');
  used.add(`${key}.o`);
  const cached = new URL(`${key}.o`, objectFolder);
  const earlier = await readFile(cached).catch(() => null);
  if (earlier !== null) return earlier;
  const object = await pool(() => toolchain.compile(source, flags));
  await replace(cached, object);
  return object;
}

/** The headers that a text includes with quotes, directly or through others. */
function includedBy(text, headers) {
  const found = {};
  const visit = (current) => {
    for (const [, name] of current.matchAll(/^\s*#include "([^"]+)"/gm)) {
      if (name in found || !(name in headers)) continue;
      found[name] = headers[name];
      visit(headers[name]);
    }
  };
  visit(text);
  return found;
}

/** Contents by file name of the files of `folder` that end in `extension`. */
async function readAll(folder, extension) {
  const names = (await readdir(new URL(folder, root)))
    .filter((name) => name.endsWith(extension))
    .sort();
  const texts = await Promise.all(
    names.map((name) => readFile(new URL(folder + name, root), 'utf8')),
  );
  return Object.fromEntries(names.map((name, i) => [name, texts[i]]));
}

/** Puts `bytes` where `file` is, so that a reader sees either all of the old or all of the new. */
async function replace(file, bytes) {
  const partial = new URL(`${file}.${process.pid}.tmp`);
  await writeFile(partial, bytes);
  await rename(partial, file);
}

async function keepOnly(folder, names) {
  for (const name of await readdir(folder)) {
    if (!names.has(name)) await rm(new URL(name, folder), { force: true });
  }
}

/** Runs at most `count` of the works it is given at a time. */
function limit(count) {
  let free = count;
  const waiting = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
