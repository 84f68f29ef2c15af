import { chromium } from 'playwright';
import { ensureBrowser } from './ensure-browser.mjs';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
];

/** WebGPU in software, the same on machines with and without a GPU. */
const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/**
 * Starts headless Chromium; the caller closes it.
 *
 * @param {{webgpu?: boolean}} [options] `webgpu` gives pages a WebGPU adapter
 */
export function launchBrowser({ webgpu = false } = {}) {
  return chromium.launch({
    executablePath: ensureBrowser(),
    args: [...ARGUMENTS, ...(webgpu ? SWIFTSHADER : [])],
  });
}
