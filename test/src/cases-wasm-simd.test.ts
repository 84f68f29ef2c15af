import { testCasesOnWasm } from './cases/suite.js';

await testCasesOnWasm('simd');
