import { each, type InferCase, of } from './case.js';

const conv = { strideW: 2, strideH: 2 };
const VALID = 1;

export const LAYERS: readonly InferCase[] = [
  ...of(
    'CONV_2D',
    {
      inputs: ['float32[?,9,8,3]', 'float32[16,3,3,3]', 'float32[16]'],
      options: conv,
      expect: ['float32[?,5,4,16]'],
    },
    {
      inputs: ['float32[1,9,8,3]', 'float32[16,3,3,3]'],
      options: { ...conv, padding: VALID },
      expect: ['float32[1,4,3,16]'],
    },
    {
      inputs: ['float32[1,9,9,3]', 'float32[16,3,3,3]', null],
      options: { strideW: 1, strideH: 1, dilationHFactor: 2, padding: VALID },
      expect: ['float32[1,5,7,16]'],
    },
    {
      inputs: ['float32[1,8,8,4]', 'float32[6,1,1,2]'],
      options: conv,
      expect: ['float32[1,4,4,6]'],
      version: 6,
    },
    {
      inputs: ['float32[1,8,8,3]', 'cint8[4,1,1,3]'],
      options: conv,
      expect: ['float32[1,4,4,4]'],
      version: 5,
    },
    {
      inputs: ['qint8[1,8,8,3]', 'cint8[4,1,1,3]', 'int32[4]'],
      options: conv,
      expect: ['qint8[1,4,4,4]'],
      version: 3,
    },
    {
      inputs: ['float32[1,8,8,4]', 'float32[6,1,1,3]'],
      options: conv,
      declared: ['float32[1,4,4,6]'],
      expect: /filter/,
    },
    {
      inputs: ['float32[1,8,8,3]', 'float32[4,1,1,3]', 'float32[5]'],
      options: conv,
      declared: ['float32[1,4,4,4]'],
      expect: /bias/,
    },
    {
      inputs: ['float32[1,8,8,3]', 'float32[4,1,1,3]'],
      declared: ['float32[1,4,4,4]'],
      expect: /stride 0/,
    },
  ),
  ...of(
    'DEPTHWISE_CONV_2D',
    {
      inputs: ['float32[1,8,8,3]', 'float32[1,3,3,6]', 'float32[6]'],
      options: { ...conv, depthMultiplier: 2 },
      expect: ['float32[1,4,4,6]'],
    },
    {
      inputs: ['float32[1,8,8,3]', 'float32[1,3,3,3]'],
      options: { ...conv, dilationWFactor: 2 },
      expect: ['float32[1,4,4,3]'],
      version: 2,
    },
    {
      inputs: ['float32[1,8,8,3]', 'float32[1,3,3,4]'],
      options: conv,
      declared: ['float32[1,4,4,4]'],
      expect: /multiple of the 3/,
    },
  ),
  ...of(
    'TRANSPOSE_CONV',
    {
      inputs: ['int32[4]', 'float32[5,3,3,2]', 'float32[1,4,4,2]'],
      options: conv,
      values: { 0: [1, 8, 7, 5] },
      expect: ['float32[1,8,7,5]'],
    },
    {
      inputs: ['int32[4]', 'float32[5,3,3,2]', 'float32[1,4,4,2]', 'float32[5]'],
      options: conv,
      expect: ['float32[1,?,?,5]'],
      version: 3,
    },
    {
      inputs: ['int32[4]', 'float32[5,3,3,2]', 'float32[1,4,4,2]'],
      options: conv,
      values: { 0: [1, 9, 8, 5] },
      declared: ['float32[1,9,8,5]'],
      expect: /height/,
    },
  ),
  ...of('CONV_3D', {
    inputs: ['float32[1,4,6,8,2]', 'float32[1,2,3,2,5]'],
    options: { strideD: 1, strideH: 2, strideW: 2, padding: VALID },
    expect: ['float32[1,4,3,3,5]'],
  }),
  ...each(
    ['AVERAGE_POOL_2D', 'MAX_POOL_2D', 'L2_POOL_2D'],
    {
      inputs: ['float32[?,7,8,3]'],
      options: { ...conv, filterWidth: 2, filterHeight: 3 },
      expect: ['float32[?,4,4,3]'],
    },
    { inputs: ['float32[7,8,3]'], options: conv, declared: ['float32[7,8,3]'], expect: /rank 4/ },
  ),
  ...of(
    'FULLY_CONNECTED',
    { inputs: ['float32[?,8]', 'float32[5,8]', 'float32[5]'], expect: ['float32[?,5]'] },
    {
      inputs: ['float32[2,3,8]', 'float32[5,8]'],
      options: { keepNumDims: true },
      expect: ['float32[2,3,5]'],
      version: 6,
    },
    { inputs: ['float32[1,2,2,4]', 'float32[5,8]', null], expect: ['float32[2,5]'] },
    { inputs: ['float32[2,8]', 'qint8[5,8]', 'float32[5]'], expect: ['float32[2,5]'], version: 3 },
    { inputs: ['float32[2,8]', 'cint8[5,8]', 'float32[5]'], expect: ['float32[2,5]'], version: 12 },
    { inputs: ['qint8[2,8]', 'qint8[5,8]', 'int32[5]'], expect: ['qint8[2,5]'], version: 4 },
    {
      inputs: ['float32[2,7]', 'float32[5,8]', null],
      declared: ['float32[2,5]'],
      expect: /multiple of the depth 8/,
    },
  ),
  ...of(
    'BATCH_MATMUL',
    { inputs: ['float32[?,2,3]', 'float32[3,4]'], expect: ['float32[?,2,4]'] },
    {
      inputs: ['float32[5,1,3,2]', 'float32[6,4,3]'],
      options: { adjX: true, adjY: true },
      expect: ['float32[5,6,2,4]'],
    },
    {
      inputs: ['float32[2,3]', 'float32[4,5]'],
      declared: ['float32[2,5]'],
      expect: /inner dimensions/,
    },
  ),
];
