/**
 * Where a runtime runs: a browser or a Node of its own, open for as long as a race of one model takes,
 * so that all can be warm and take turns.
 *
 * @typedef {object} Lane
 * @property {(model: string, options: object) => Promise<void>} load `model` is a file in the folder that
 *   the lanes share; `options` are those of page.js
 * @property {(input: string) => Promise<void>} setInput a file in that folder
 * @property {(milliseconds: number, runs: number) => Promise<number[]>} time
 * @property {() => Promise<{elements: number[], milliseconds: number}>} output of one run, and what it took
 * @property {() => number | null} peakMemory bytes, the most so far; null where it cannot be told
 * @property {() => Promise<void>} close
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleRuntime } from '../../browser/bundle.mjs';
import { launchBrowser } from '../../browser/launch.mjs';
import { serve } from '../../browser/server.mjs';
import { inheritPriority, renderers, residentPeak } from '../processes.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const RELAXED_SIMD = '--experimental-wasm-relaxed-simd';

/** Lanes that are no pages: flags of Node by name. */
const NODE_LANES = { 'linnet-node': [RELAXED_SIMD], 'linnet-node-simd': [] };

/** Serves the pages, the runtimes and what `folder` holds under /data/. */
export async function openStadium(folder) {
  await bundleRuntime(join(folder, 'linnet'));
  return serve(
    {
      '/': here('.'),
      '/linnet/': join(folder, 'linnet'),
      '/peers/': here('../node_modules'),
      '/data/': folder,
    },
    { isolated: true },
  );
}

/** @returns {Promise<Lane>} */
export function openLane(runtime, { origin, folder }) {
  return runtime in NODE_LANES ? openNode(NODE_LANES[runtime], folder) : openPage(runtime, origin);
}

async function openPage(runtime, origin) {
  const browser = await launchBrowser({ webgpu: runtime.endsWith('-webgpu') });
  const page = await browser.newPage();
  await page.goto(`${origin}/page.html`);
  await page.waitForFunction(() => window.race !== undefined);
  const pids = await renderers(browser);
  const before = residentPeak(pids);
  const call = (method, ...args) =>
    page.evaluate(([name, values]) => window.race[name](...values), [method, args]);
  return {
    async load(model, options) {
      await call('load', runtime, `/data/${model}`, options);
      inheritPriority(pids);
    },
    setInput: (input) => call('setInput', `/data/${input}`),
    time: (milliseconds, runs) => call('time', milliseconds, runs),
    output: () => call('output'),
    profile: () => call('profile'),
    kernelTime: (milliseconds) => call('kernelTime', milliseconds),
    peakMemory: () => (before === null ? null : residentPeak(pids) - before),
    close: () => browser.close(),
  };
}

async function openNode(flags, folder) {
  const child = fork(here('node.mjs'), [folder], { execArgv: flags });
  const call = async (method, ...args) => {
    child.send({ method, args });
    const [{ result, error }] = await once(child, 'message');
    if (error !== undefined) throw new Error(error);
    return result;
  };
  return {
    load: (model, options) => call('load', model, options),
    setInput: (input) => call('setInput', input),
    time: (milliseconds, runs) => call('time', milliseconds, runs),
    output: () => call('output'),
    peakMemory: () => null,
    close: async () => {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}
