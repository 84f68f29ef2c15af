import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright';

const SYSTEM_CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'];

/**
 * The path of a Chromium for the browser tests: the system's, Debian's package installed on the
 * spot when the user is root and apt is there, otherwise the one that Playwright downloads.
 */
export function ensureBrowser() {
  const found = findBrowser();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    execute('apt-get', ['update', '-qq']);
    execute('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium']);
  } else {
    execute('npx', ['playwright', 'install', 'chromium']);
  }
  const installed = findBrowser();
  if (installed === undefined) {
    throw new Error('no browser: install Chromium, or run "npx playwright install chromium"');
  }
  return installed;
}

function findBrowser() {
  return [process.env.LINNET_BROWSER, ...SYSTEM_CHROMIUM, chromium.executablePath()].find(
    (path) => path && existsSync(path),
  );
}

function execute(command, args) {
  console.log(`installing a browser: ${command} ${args.join(' ')}`);
  spawnSync(command, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}
