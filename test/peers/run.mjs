// Measurements beside other runtimes, on demand; the peers are installed when they are not there.
import { parseArgs } from 'node:util';
import { installPeers } from './install.mjs';

const USAGE = `usage: node test/peers/run.mjs agreement [--python PATH]
         our files in LiteRT.js (and tf.lite, with a Python that has TensorFlow): docs/agreement.md
       node test/peers/run.mjs bench [options]
         speed and size: docs/benchmarks.md
         --parts race,layers,cold-start   what to measure; the page is written when all is
         --models a,b                     of race/contest.mjs
         --threads 1,4                    1 and the number of cores, at most 4, by default
         --rounds n                       turns of each runtime (6)
         --json file                      where to write the figures`;

/** What each command takes, and how it begins once the peers are there. */
const COMMANDS = {
  agreement: {
    options: { python: { type: 'string' } },
    run: async (options) => (await import('./agreement.mjs')).measureAgreement(options),
  },
  bench: {
    options: {
      parts: { type: 'string' },
      models: { type: 'string' },
      threads: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'string' },
    },
    run: async (options) => (await import('./bench.mjs')).bench(options),
  },
};

/** Ends the process with the usage, and what is wrong with it if something is. */
function exitWithUsage(wrong) {
  if (wrong === undefined) console.log(USAGE);
  else console.error(`${wrong}\n${USAGE}`);
  process.exit(wrong === undefined ? 0 : 2);
}

function parse(args, options) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    return exitWithUsage(error.message);
  }
}

const [name, ...args] = process.argv.slice(2);
if ([name, ...args].some((arg) => arg === '--help' || arg === '-h')) exitWithUsage();
const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name] : undefined;
if (command === undefined)
  exitWithUsage(name === undefined ? 'a command is missing' : `there is no command ${name}`);
const options = parse(args, command.options);
installPeers();
await command.run(options);
