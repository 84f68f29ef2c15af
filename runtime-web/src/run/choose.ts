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

/** How engines are had; each has backends of its own. */
export interface EngineMaker {
  /** @throws LinnetError of code ENVIRONMENT without a device */
  openDevice(): Promise<DeviceBackend>;
  make(device: DeviceBackend | null): Promise<Engine>;
  /** Names the model among all, for remembering what was measured. */
  readonly digest: string;
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
