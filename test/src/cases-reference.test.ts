import { referenceBackend } from './cases/backend.js';
import { testCases } from './cases/suite.js';

testCases(referenceBackend);
