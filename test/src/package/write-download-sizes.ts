/** Writes download-sizes.json, the sizes that the download's test compares with. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/linnet.js';
import { ROOT } from '../support/paths.js';
import { Download } from './measure-download.js';

using folder = temporaryFolder();
const sizes = (await Download.make(folder.path('.'))).sizes();
writeFileSync(join(ROOT, 'test/download-sizes.json'), `${JSON.stringify(sizes, null, 2)}\n`);
