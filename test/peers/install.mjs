import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(here(path), 'utf8'));

/** Installs the peers at the versions of package.json, unless they are there. */
export function installPeers() {
  const { dependencies } = readJson('package.json');
  const isThere = Object.entries(dependencies).every(([name, version]) => {
    const manifest = `node_modules/${name}/package.json`;
    return existsSync(here(manifest)) && readJson(manifest).version === version;
  });
  if (isThere) return;
  // Scripts of onnxruntime-node would download what a browser has no use for.
  const flags = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund'];
  const { status } = spawnSync('npm', ['install', ...flags], { cwd: here('.'), stdio: 'inherit' });
  if (status !== 0) throw new Error('npm could not install the peers');
}

/** @returns {Record<string, string>} version by package */
export const peerVersions = () => readJson('package.json').dependencies;
