// Measurements beside other TFLite runtimes, on demand; `npm install` here fetches the peers.
//
//   node test/peers/run.mjs agreement [--python PATH]   our files in LiteRT.js (and tf.lite): docs/agreement.md
//   node test/peers/run.mjs cold-start [--rounds N]     page open to first result: docs/cold-start.md
import { parseArgs } from 'node:util';
import { measureAgreement } from './agreement.mjs';
import { measureColdStart } from './cold-start.mjs';

const COMMANDS = { agreement: measureAgreement, 'cold-start': measureColdStart };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { python: { type: 'string' }, rounds: { type: 'string', default: '21' } },
});
const command = COMMANDS[positionals[0]];
if (command === undefined) {
  console.error(`usage: run.mjs ${Object.keys(COMMANDS).join(' | ')}`);
  process.exit(2);
}
await command(values);
