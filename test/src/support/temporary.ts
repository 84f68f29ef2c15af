import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is removed when the test is done. */
export function temporaryFolder(context: { after(remove: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
