/** Programs of users compile against the published types, and their mistakes do not. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ROOT } from '../support/paths.js';

const CONSUMERS = join(ROOT, 'test/consumers');
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');

suite('programs of users', () => {
  for (const consumer of readdirSync(CONSUMERS)) {
    test(`in ${consumer}`, () => {
      const project = join(CONSUMERS, consumer);
      const { status, stdout } = spawnSync(process.execPath, [COMPILER, '-p', project], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout);
    });
  }
});
