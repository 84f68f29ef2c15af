/** What the machine computes at best, by kernels that only compute. */
import type { KernelName } from '@linnet/runtime-wasm';
import type { Peaks } from '../plan/backend.js';
import type { Program } from '../plan/plan.js';
import type { WasmBackend } from './backend.js';
import { probeByteDot } from './dot.js';
import type { KernelCall } from './lowering.js';

/** Engines take some calls to compile code well, and other programs disturb some. */
const CALLS = 24;

/** About 2 milliseconds, so that a coarse clock will do. */
const ROUNDS = 2 ** 18;

const BYTES_A_THREAD = 16;

type Probe = Extract<KernelName, `probe_${string}`>;

export async function measurePeaks(backend: WasmBackend): Promise<Peaks> {
  const int16 = await measure(backend, 'probe_i16');
  const int8 = probeByteDot() === 'none' ? 0 : await measure(backend, 'probe_i8');
  const float32 = await measure(backend, 'probe_f32');
  // What kernels read mostly is in caches, of which memory's bandwidth tells nothing.
  return { multiplyAdds: { float32, int8: Math.max(int16, int8) }, bandwidth: null };
}

async function measure(backend: WasmBackend, kernel: Probe): Promise<number> {
  const bound = await backend.bind(program(kernel, backend.threads));
  try {
    let best = 0;
    for (let call = 0; call < CALLS; call++) {
      const { steps } = await bound.profile(0, []);
      for (const { spans, cost } of steps) {
        const begin = Math.min(...spans.map((span) => span.begin));
        const end = Math.max(...spans.map((span) => span.end));
        const seconds = (end - begin) / 1000;
        if (seconds > 0) best = Math.max(best, (cost.multiplyAdds * spans.length) / seconds);
      }
      // Other tasks get their turn.
      await new Promise((resolve) => setTimeout(resolve));
    }
    return best;
  } finally {
    bound.dispose();
  }
}

function program(kernel: Probe, threads: number): Program<KernelCall> {
  const bytes = BYTES_A_THREAD * threads;
  const y = { buffer: 0, offset: 0 };
  const work = { kernel, args: { y, rounds: ROUNDS } };
  const node = { name: kernel, op: 'MUL' as const };
  const call = { work, uses: [y], node, site: node };
  return {
    buffers: [{ kind: 'arena', bytes }],
    segments: [{ calls: [call], inputs: [], outputs: [] }],
    arena: { offsets: new Map([[0, 0]]), bytes, lowerBound: bytes },
  };
}
