/** Ops whose shaders depend on what devices can do, on one that can do the least. */
import type { OpName } from '@linnet/schema';
import { buildCases } from '../cases/build.js';
import { testCases } from '../cases/suite.js';
import { pageBackend } from './page-backend.js';

const OPS: ReadonlySet<OpName> = new Set<OpName>([
  'CONV_2D',
  'TRANSPOSE_CONV',
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
