/** Every op case in Chromium, whose relaxed SIMD instructions Node has only behind a flag. */
import { buildCases } from '../cases/build.js';
import { testCases } from '../cases/suite.js';
import { pageBackend } from './page-backend.js';

testCases(pageBackend('Chromium', { isolated: true }, {}), buildCases());
