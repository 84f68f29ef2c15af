/** What comes of the choice between backends. */
import type { DeviceBackend } from '../plan/backend.js';
import type { Engine } from './engine.js';

/** An engine and why it is that one. */
export interface Choice {
  readonly engine: Engine;
  readonly reason: string;
  /** Why it is not the backend that was asked for. */
  readonly fallback?: string;
}

/**
 * Opens a device, whose products are computed in float16 where it does that and `halves` says that they may be.
 *
 * @throws LinnetError of code ENVIRONMENT without a device
 */
export type DeviceOpener = (halves: boolean) => Promise<DeviceBackend>;

/** The fallback of models that go on in float32. */
export function withoutHalves(why: string): string {
  return `float16 is not used: ${why}`;
}

/** How engines are had; each has backends of its own. */
export interface EngineMaker {
  readonly openDevice: DeviceOpener;
  make(device: DeviceBackend | null): Promise<Engine>;
  /** The model's file. */
  readonly bytes: Uint8Array;
}

/** An engine on WASM alone. */
export async function chooseWasm(maker: EngineMaker, reason: string): Promise<Choice> {
  const engine = await maker.make(null);
  try {
    await engine.prepare();
    return { engine, reason };
  } catch (error) {
    engine.dispose();
    throw error;
  }
}
