/** Loaded with `node --import`: leaves the process's peak memory, in bytes, in $USAGE_FILE. */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  process.on('exit', () => {
    const bytes = process.resourceUsage().maxRSS * 1024;
    writeFileSync(process.env.USAGE_FILE, JSON.stringify({ peakBytes: bytes }));
  });
}
