import { chromium } from 'playwright';
import { ensureBrowser } from './ensure-browser.mjs';

/** Starts headless Chromium; the caller closes it. */
export function launchBrowser() {
  return chromium.launch({
    executablePath: ensureBrowser(),
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
}
