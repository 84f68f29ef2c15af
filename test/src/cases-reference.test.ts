import { testCasesOnReference } from './cases/suite.js';

testCasesOnReference();
