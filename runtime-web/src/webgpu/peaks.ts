/** What a device computes at best, by shaders that only compute. */
import type { BoundProgram, Peaks } from '../plan/backend.js';
import type { Program } from '../plan/plan.js';
import type { Traits } from './traits.js';
import type { Kernel, Shader } from './wgsl/kernel.js';

const INVOCATIONS = 2 ** 16;

/** Sums that do not wait for each other. */
const SUMS = 8;

/** Devices tell times in steps of up to 100 microseconds. */
const LEAST_MS = 4;
const MOST_ROUNDS = 2 ** 20;

/** Measurements that count: other work disturbs some. */
const REPEATS = 3;

interface Probe {
  readonly sum: 'vec4<f32>' | 'i32';
  /** One multiply-add of sum `s` in round `k` for each of its lanes, or of four bytes. */
  readonly step: (sum: string, at: number) => string;
}

const FLOATS: Probe = { sum: 'vec4<f32>', step: (sum) => `${sum} = ${sum} * factor + step;` };
const BYTES: Probe = {
  sum: 'i32',
  step: (sum, at) => `${sum} += dot4I8Packed(word, word ^ ${at}u);`,
};

/** What is there of the backend that is measured. */
interface Subject {
  readonly traits: Traits;
  readonly assemble: (kernel: Kernel, traits: Traits) => Shader;
  readonly bind: (program: Program<Shader>) => Promise<BoundProgram>;
}

/** Multiply-adds a second. Bytes are multiplied as float32 where that is faster. */
export async function measurePeaks(subject: Subject): Promise<Peaks> {
  const float32 = await measure(subject, FLOATS);
  const bytes = subject.traits.hasByteDot ? await measure(subject, BYTES) : 0;
  return { float32, int8: Math.max(float32, bytes) };
}

async function measure(subject: Subject, probe: Probe): Promise<number> {
  let best = 0;
  let counted = 0;
  for (let rounds = 64; counted < REPEATS; ) {
    const milliseconds = await run(subject, program(subject, probe, rounds));
    if (milliseconds < LEAST_MS && rounds < MOST_ROUNDS) {
      rounds *= 4;
      continue;
    }
    counted++;
    best = Math.max(best, (4 * SUMS * rounds * INVOCATIONS) / (milliseconds / 1000));
  }
  return best;
}

async function run({ bind }: Subject, probe: Program<Shader>): Promise<number> {
  const bound = await bind(probe);
  try {
    const { steps } = await bound.profile(0, []);
    const spans = steps.flatMap((each) => each.spans);
    return spans.reduce((sum, { begin, end }) => sum + end - begin, 0);
  } finally {
    bound.dispose();
  }
}

function program(
  { traits, assemble }: Subject,
  { sum, step }: Probe,
  rounds: number,
): Program<Shader> {
  const bytes = 4 * INVOCATIONS;
  const y = { buffer: 0, offset: 0 };
  const each = (text: (at: number) => string) => Array.from({ length: SUMS }, (_, at) => text(at));
  const work = assemble(
    {
      label: 'probe',
      bindings: { y: { ref: y, access: 'read_write', array: 'f32', functions: () => '' } },
      params: { rounds: ['u32', rounds], factor: ['f32', 0.5] },
      grid: { invocations: INVOCATIONS },
      body: `
let factor = vec4(params.factor);
let step = vec4(f32(lane));
${each((at) => `var s${at} = ${sum}(${at});`).join(' ')}
for (var k = 0u; k < params.rounds; k++) {
  let word = k * 0x9e3779b9u + lane;
  ${each((at) => step(`s${at}`, at)).join('\n  ')}
}
let total = ${each((at) => `s${at}`).join(' + ')};
y[index] = ${sum === 'i32' ? 'f32(total)' : 'dot(total, step)'};`,
    },
    traits,
  );
  const node = { name: 'probe', op: 'MUL' as const };
  return {
    buffers: [{ kind: 'arena', bytes }],
    segments: [{ calls: [{ work, uses: [y], node, site: node }], inputs: [], outputs: [] }],
    arena: { offsets: new Map([[0, 0]]), bytes, lowerBound: bytes },
  };
}
