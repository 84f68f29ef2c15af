/** Writes docs/ops.md anew. */
import { writeFileSync } from 'node:fs';
import { coverageTable } from './coverage.js';

writeFileSync(new URL('../../../docs/ops.md', import.meta.url), await coverageTable());
