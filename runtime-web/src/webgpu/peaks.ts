/** What a device does at best, by shaders that only compute, and one that only copies. */
import type { BoundProgram, Peaks } from '../plan/backend.js';
import type { BufferRef } from '../plan/lowering.js';
import type { Program } from '../plan/plan.js';
import type { Traits } from './traits.js';
import type { Binding, Kernel, Shader } from './wgsl/kernel.js';

const INVOCATIONS = 2 ** 16;

/** Sums that do not wait for each other. */
const SUMS = 8;

/** Vectors of 16 bytes that are copied in turns: more than caches hold, and no more than every device binds. */
const VECTORS = 2 ** 21;

/** Devices tell times in steps of up to 100 microseconds. */
const LEAST_MS = 4;
const MOST_ROUNDS = 2 ** 20;

/** Measurements that count: other work disturbs some. */
const REPEATS = 3;

interface Probe {
  /** Vectors of the buffers `x`, which is read, and `y`, which is written. */
  readonly vectors: number;
  /** What an invocation does in a round. */
  readonly amount: number;
  /** Statements, by `params.rounds`. */
  readonly body: string;
}

/** @param step one multiply-add of a sum for each of its lanes, or of four bytes */
function sums(type: 'vec4<f32>' | 'i32', step: (sum: string, at: number) => string): Probe {
  const each = (text: (at: number) => string) => Array.from({ length: SUMS }, (_, at) => text(at));
  return {
    vectors: INVOCATIONS,
    amount: 4 * SUMS,
    body: `
let factor = vec4(params.factor);
let step = vec4(f32(lane));
${each((at) => `var s${at} = ${type}(${at});`).join(' ')}
for (var k = 0u; k < params.rounds; k++) {
  let word = k * 0x9e3779b9u + lane;
  ${each((at) => step(`s${at}`, at)).join('\n  ')}
}
y[index] = vec4<f32>(vec4(${each((at) => `s${at}`).join(' + ')}));`,
  };
}

const FLOATS = sums('vec4<f32>', (sum) => `${sum} = ${sum} * factor + step;`);
const BYTES = sums('i32', (sum, at) => `${sum} += dot4I8Packed(word, word ^ ${at}u);`);

/** Neighbouring invocations copy neighbouring vectors; each round goes on where the last ended. */
const COPIES: Probe = {
  vectors: VECTORS,
  amount: 2 * 16,
  body: `for (var k = 0u; k < params.rounds; k++) {
  let at = (k * ${INVOCATIONS}u + index) % ${VECTORS}u;
  y[at] = x[at];
}`,
};

/** What is there of the backend that is measured. */
interface Subject {
  readonly traits: Traits;
  readonly assemble: (kernel: Kernel, traits: Traits) => Shader;
  readonly bind: (program: Program<Shader>) => Promise<BoundProgram>;
}

/** Bytes are multiplied as float32 where that is faster. */
export async function measurePeaks(subject: Subject): Promise<Peaks> {
  const float32 = await measure(subject, FLOATS);
  const bytes = subject.traits.hasByteDot ? await measure(subject, BYTES) : 0;
  return {
    multiplyAdds: { float32, int8: Math.max(float32, bytes) },
    bandwidth: await measure(subject, COPIES),
  };
}

/** The most of what a probe does in a second. */
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
    best = Math.max(best, (probe.amount * rounds * INVOCATIONS) / (milliseconds / 1000));
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
  { vectors, body }: Probe,
  rounds: number,
): Program<Shader> {
  const bytes = 16 * vectors;
  const [x, y] = [0, 1].map((buffer) => ({ buffer, offset: 0 })) as [BufferRef, BufferRef];
  const binding = (ref: BufferRef, access: Binding['access']): Binding => ({
    ref,
    access,
    array: 'vec4<f32>',
    functions: () => '',
  });
  const work = assemble(
    {
      label: 'probe',
      bindings: { x: binding(x, 'read'), y: binding(y, 'read_write') },
      params: { rounds: ['u32', rounds], factor: ['f32', 0.5] },
      grid: { invocations: INVOCATIONS },
      body,
    },
    traits,
  );
  const node = { name: 'probe', op: 'MUL' as const };
  return {
    buffers: [0, 1].map(() => ({ kind: 'arena', bytes })),
    segments: [{ calls: [{ work, uses: [x, y], node, site: node }], inputs: [], outputs: [] }],
    arena: {
      offsets: new Map([0, 1].map((at) => [at, at])),
      bytes: 2 * bytes,
      lowerBound: 2 * bytes,
    },
  };
}
