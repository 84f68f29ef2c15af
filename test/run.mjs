// Runs the whole test suite: style and types, build, a browser, then every test/dist/**/*.test.js.
// Prints failures as they come and closes with one line: N passed, N failed, N skipped.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ensureBrowser } from './browser/ensure-browser.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const testDirectory = fileURLToPath(new URL('dist', import.meta.url));
const FILE_TIMEOUT_MS = 10 * 60 * 1000;

for (const script of ['build', 'check']) {
  const { status } = spawnSync('npm', ['run', '--silent', script], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.log(`npm run ${script} failed`);
    console.log('0 passed, 1 failed');
    process.exit(1);
  }
}
process.env.LINNET_BROWSER = ensureBrowser();

const wanted = process.argv.slice(2);
const files = readdirSync(testDirectory, { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .map((name) => join(testDirectory, name))
  .sort();

const counts = { passed: 0, failed: 0, skipped: 0 };
const started = Date.now();
const events = run({ files, concurrency: availableParallelism(), timeout: FILE_TIMEOUT_MS });

events.on('test:pass', (event) => {
  if (event.details.type === 'suite') return;
  if (event.skip === undefined) counts.passed++;
  else {
    counts.skipped++;
    console.log(
      `skipped: ${event.name}${typeof event.skip === 'string' ? ` (${event.skip})` : ''}`,
    );
  }
});
events.on('test:fail', (event) => {
  const { error } = event.details;
  // A suite fails because of its tests, which are counted by themselves.
  if (error.failureType === 'subtestsFailed') return;
  counts.failed++;
  console.log(`FAILED: ${event.name} (${event.file}:${event.line})`);
  console.log(String(error.cause?.stack ?? error.cause ?? error.stack).replace(/^/gm, '    '));
});
events.on('test:stdout', (event) => process.stdout.write(event.message));
events.on('test:stderr', (event) => process.stderr.write(event.message));
events.on('end', () => {
  console.log(`${files.length} files in ${((Date.now() - started) / 1000).toFixed(0)} s`);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
});
events.resume();
