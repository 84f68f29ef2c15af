/** Which backends run a model on a device: that, or what is left when it does not do. */
import { LinnetError } from '@linnet/schema';
import type { DeviceBackend } from '../plan/backend.js';
import { type Choice, chooseWasm, type EngineMaker, withoutHalves } from './choose.js';
import type { Engine } from './engine.js';
import { disagreement, nudged, pass } from './self-check.js';

/**
 * An engine on the device, unless that fails or computes something else than WASM: then one on WASM
 * that says so. What a device has once computed rightly is not checked again.
 *
 * @throws LinnetError of code ENVIRONMENT where there is no device
 */
export async function chooseDevice(maker: EngineMaker): Promise<Choice> {
  const device = await maker.openDevice(true);
  return tryDevice(maker, device, false, async (engine) => ({ engine, reason: 'as asked for' }));
}

/**
 * Prepares an engine on a device and checks it; `choose` has the last word where it does. What does not do in float16
 * is tried in float32. Engines that are not chosen are disposed of.
 *
 * @param comparing whether `choose` needs an engine on WASM, too
 */
export async function tryDevice(
  maker: EngineMaker,
  device: DeviceBackend,
  comparing: boolean,
  choose: (engine: Engine, host: Engine | null) => Promise<Choice>,
): Promise<Choice> {
  const engine = await maker.make(device);
  let host: Engine | null = null;
  let choice: Choice | undefined;
  try {
    let problem = await failure(() => engine.prepare());
    const isNext = problem === null ? comparing || !device.isProven : !device.halves;
    if (isNext) {
      host = (await chooseWasm(maker, '')).engine;
      problem ??= await check(engine, host);
    }
    if (problem !== null && device.halves) {
      // There may be no room for several engines.
      for (const each of [engine, host]) each?.dispose();
      const exact = await tryDevice(maker, await maker.openDevice(false), comparing, choose);
      choice = { fallback: withoutHalves(problem), ...exact };
    } else if (problem !== null && host !== null) {
      const fallback = `WebGPU is not used: ${problem}`;
      choice = { engine: host, reason: fallback, fallback };
    } else {
      device.prove();
      choice = await choose(engine, host);
    }
    return choice;
  } finally {
    for (const each of [engine, host]) if (each !== choice?.engine) each?.dispose();
  }
}

/** What is wrong with an engine's pass, by WASM's; null where nothing is or it cannot be told. */
async function check(engine: Engine, host: Engine): Promise<string | null> {
  const expected = await pass(host, { inTurns: true }).catch(refused);
  if (expected === null) return null;
  let found: string | null = null;
  const failed = await failure(async () => {
    const { outputs } = await pass(engine);
    found = disagreement(outputs, expected.outputs);
    if (found === null) return;
    found = disagreement(outputs, expected.outputs, await nudged(host));
  });
  return failed ?? (found && `in its self-check, ${found}`);
}

/** How something fails that only a device can be to blame for; other errors are thrown. */
async function failure(task: () => Promise<void>): Promise<string | null> {
  try {
    await task();
    return null;
  } catch (error) {
    const codes: readonly string[] = ['INTERNAL', 'OUT_OF_MEMORY', 'DEVICE_LOST', 'OUT_OF_RANGE'];
    if (error instanceof LinnetError && !codes.includes(error.code)) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/** Some models cannot run on made-up inputs, and are not checked. */
function refused(error: unknown): null {
  if (error instanceof LinnetError && error.code !== 'INTERNAL') return null;
  throw error;
}
