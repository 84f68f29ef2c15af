// Measurements beside other runtimes, on demand; the peers are installed when they are not there.
//
//   node test/peers/run.mjs agreement [--python PATH]   our files in LiteRT.js (and tf.lite): docs/agreement.md
//   node test/peers/run.mjs bench [options]             speed and size: docs/benchmarks.md (npm run bench:peers)
//     --parts race,layers,cold-start   what to measure; the page is written when all is
//     --models a,b                     of race/contest.mjs
//     --threads 1,4                    1 and the number of cores, at most 4, by default
//     --rounds n                       turns of each runtime (6)
//     --json file                      where to write the figures
import { parseArgs } from 'node:util';
import { installPeers } from './install.mjs';

/** Loaded once the peers are there. */
const COMMANDS = {
  agreement: async (options) => (await import('./agreement.mjs')).measureAgreement(options),
  bench: async (options) => (await import('./bench.mjs')).bench(options),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string' },
    parts: { type: 'string' },
    models: { type: 'string' },
    threads: { type: 'string' },
    rounds: { type: 'string' },
    json: { type: 'string' },
  },
});
const command = COMMANDS[positionals[0]];
if (command === undefined) {
  console.error(`usage: run.mjs ${Object.keys(COMMANDS).join(' | ')}`);
  process.exit(2);
}
installPeers();
await command(values);
