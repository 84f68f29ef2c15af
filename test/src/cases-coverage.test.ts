import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { coverageTable } from './cases/coverage.js';

it('docs/ops.md says what the op cases cover', async () => {
  const written = readFileSync(new URL('../../docs/ops.md', import.meta.url), 'utf8');
  assert.equal(written, await coverageTable(), 'run npm run docs:ops -w test');
});
