/** Which backend runs a model as measured, here or before. */
import { LinnetError } from '@linnet/schema';
import type { DeviceBackend } from '../plan/backend.js';
import { type Choice, chooseWasm, type EngineMaker } from './choose.js';
import { tryDevice } from './choose-device.js';
import type { Engine } from './engine.js';
import { pass } from './self-check.js';

/** The faster of both, where there is a device that computes what WASM does. */
export async function chooseFaster(maker: EngineMaker): Promise<Choice> {
  let device: DeviceBackend;
  try {
    device = await maker.openDevice(true);
  } catch (error) {
    if (!(error instanceof LinnetError)) throw error;
    return chooseWasm(maker, error.message);
  }
  const key = `${device.description} ${digestOf(maker.bytes)}`;
  const known = recall(key);
  const reason = 'it was the faster when it was measured';
  if (known === 'wasm') {
    device.dispose();
    return chooseWasm(maker, reason);
  }
  return tryDevice(maker, device, known === undefined, async (engine, host) => {
    if (known !== undefined || host === null) return { engine, reason };
    const [onDevice, onHost] = [await fastest(engine), await fastest(host)];
    const isFaster = onDevice < onHost;
    remember(key, isFaster ? 'webgpu' : 'wasm');
    return {
      engine: isFaster ? engine : host,
      reason: `measured: webgpu ${onDevice.toFixed(1)} ms, wasm ${onHost.toFixed(1)} ms`,
    };
  });
}

/** A number that hardly two models share, from some of their bytes: FNV-1a. */
function digestOf(bytes: Uint8Array): string {
  const step = Math.max(1, Math.floor(bytes.length / 4096));
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i += step) {
    hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  }
  return `${bytes.length}:${(hash >>> 0).toString(16)}`;
}

/** Passes that count: the first of an engine has things to do that later ones have not. */
const PASSES = 3;

async function fastest(engine: Engine): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < PASSES; i++) times.push((await pass(engine)).milliseconds);
  return Math.min(...times);
}

/** What was measured, by device and model: for this page, and in browsers for later visits. */
const measured = new Map<string, string>();
const PREFIX = 'linnet: faster backend on ';

function recall(key: string): string | undefined {
  return measured.get(key) ?? storage()?.getItem(PREFIX + key) ?? undefined;
}

function remember(key: string, name: string): void {
  measured.set(key, name);
  try {
    storage()?.setItem(PREFIX + key, name);
  } catch {
    // Full, or not allowed: it is measured again on the next visit.
  }
}

/** Pages without an origin of their own may not so much as look at it. */
function storage(): Storage | undefined {
  try {
    return typeof document === 'undefined' ? undefined : globalThis.localStorage;
  } catch {
    return undefined;
  }
}
