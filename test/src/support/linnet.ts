import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './paths.js';

export interface CommandResult {
  readonly status: number | null;
  readonly out: string;
  readonly messages: string;
}

/** Runs the `linnet` command as a process of its own. */
export function linnet(...args: readonly string[]): CommandResult {
  const main = join(ROOT, 'bin.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
  });
  return { status, out: stdout, messages: stderr };
}

/**
 * As `linnet`, where no file can grow past so many blocks of 512 to 1,024 bytes: writes fail half-way, as on a
 * full disk. Needs a POSIX shell.
 */
export function linnetWithin(blocks: number, ...args: readonly string[]): CommandResult {
  const command = [process.execPath, join(ROOT, 'bin.js'), ...args];
  const limited = `ulimit -f ${blocks} && exec "$0" "$@"`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', limited, ...command], {
    encoding: 'utf8',
  });
  return { status, out: stdout, messages: stderr };
}

/** A folder that is gone when the caller's scope ends: `using folder = temporaryFolder()`. */
export function temporaryFolder(): Disposable & { path(name: string): string } {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-'));
  return {
    path: (name) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
