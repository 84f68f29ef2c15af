/**
 * Ops whose shaders depend on what devices can do, on one that can do the least. CONV_2D is not among them:
 * SwiftShader's compiler does not come back from one of its shaders without subgroups.
 */
import type { OpName } from '@linnet/schema';
import { buildCases } from '../cases/build.js';
import { testCases } from '../cases/suite.js';
import { pageBackend } from './page-backend.js';

const OPS: ReadonlySet<OpName> = new Set<OpName>([
  'DEPTHWISE_CONV_2D',
  'FULLY_CONNECTED',
  'BATCH_MATMUL',
  'MEAN',
  'SOFTMAX',
  'QUANTIZE',
]);

testCases(
  pageBackend(
    'WebGPU without features',
    { isolated: false, webgpu: true },
    { backend: 'webgpu' },
    {},
    (chromium) => chromium.call('hideFeatures'),
  ),
  buildCases().filter(({ op }) => OPS.has(op)),
);
