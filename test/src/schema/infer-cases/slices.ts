import { type InferCase, of } from './case.js';

export const SLICES: readonly InferCase[] = [
  ...of(
    'SLICE',
    {
      inputs: ['float32[4,5]', 'int32[2]', 'int32[2]'],
      values: { 1: [1, 2], 2: [-1, 2] },
      expect: ['float32[3,2]'],
    },
    {
      inputs: ['float32[4,?]', 'int32[2]', 'int32[2]'],
      values: { 2: [2, 3] },
      expect: ['float32[2,3]'],
    },
    {
      inputs: ['float32[4]', 'int32[1]', 'int32[1]'],
      values: { 1: [3], 2: [2] },
      declared: ['float32[2]'],
      expect: /2 elements from 3/,
    },
  ),
  ...of(
    'STRIDED_SLICE',
    {
      inputs: ['float32[4,5]', 'int32[1]', 'int32[1]', 'int32[1]'],
      options: { shrinkAxisMask: 1 },
      values: { 1: [1], 2: [2], 3: [1] },
      expect: ['float32[5]'],
    },
    { inputs: ['float32[4,5]', 'int32[1]', 'int32[1]', 'int32[1]'], expect: ['float32[?,5]'] },
    {
      inputs: ['float32[4]', 'int32[1]', 'int32[1]', 'int32[1]'],
      options: { newAxisMask: 1 },
      expect: ['float32[1,4]'],
      version: 6,
    },
    {
      inputs: ['float32[4]', 'int32[1]', 'int32[1]', 'int32[1]'],
      values: { 1: [0], 2: [1], 3: [0] },
      declared: ['float32[1]'],
      expect: /stride 0/,
    },
  ),
  ...of(
    'DYNAMIC_UPDATE_SLICE',
    { inputs: ['float32[4,5]', 'float32[1,5]', 'int32[2]'], expect: ['float32[4,5]'] },
    {
      inputs: ['float32[4]', 'float32[5]', 'int32[1]'],
      declared: ['float32[4]'],
      expect: /does not fit/,
    },
  ),
  ...of(
    'GATHER',
    {
      inputs: ['float32[4,5,6]', 'int32[2,3]'],
      options: { axis: 1 },
      expect: ['float32[4,2,3,6]'],
    },
    {
      inputs: ['float32[4,5,6]', 'int32[4,3]'],
      options: { axis: 1, batchDims: 1 },
      expect: ['float32[4,3,6]'],
      version: 5,
    },
    { inputs: ['float32[4]', 'float32[2]'], declared: ['float32[2]'], expect: /indices/ },
  ),
  ...of(
    'GATHER_ND',
    { inputs: ['float32[4,5,6]', 'int32[7,2]'], expect: ['float32[7,6]'] },
    {
      inputs: ['float32[4]', 'int32[7,2]'],
      declared: ['float32[7]'],
      expect: /longer than the rank/,
    },
  ),
  ...of(
    'SCATTER_ND',
    {
      inputs: ['int32[7,1]', 'float32[7,5]', 'int32[2]'],
      values: { 2: [4, 5] },
      expect: ['float32[4,5]'],
    },
    {
      inputs: ['int32[7,1]', 'float32[7,6]', 'int32[2]'],
      values: { 2: [4, 5] },
      declared: ['float32[4,5]'],
      expect: /6 and 5/,
    },
  ),
  ...of(
    'EMBEDDING_LOOKUP',
    { inputs: ['int32[3]', 'float32[10,8]'], expect: ['float32[3,8]'] },
    { inputs: ['int32[3]', 'cint8[10,8]'], expect: ['float32[3,8]'], version: 4 },
  ),
  ...of('SPARSE_TO_DENSE', {
    inputs: ['int32[3,2]', 'int32[2]', 'float32[3]', 'float32[]'],
    values: { 1: [4, 5] },
    expect: ['float32[4,5]'],
  }),
  ...of(
    'NON_MAX_SUPPRESSION_V4',
    {
      inputs: ['float32[9,4]', 'float32[9]', 'int32[]', 'float32[]', 'float32[]'],
      values: { 2: [5] },
      expect: ['int32[5]', 'int32[]'],
    },
    {
      inputs: ['float32[9,3]', 'float32[9]', 'int32[]', 'float32[]', 'float32[]'],
      declared: ['int32[?]', 'int32[]'],
      expect: /boxes/,
    },
  ),
  ...of('NON_MAX_SUPPRESSION_V5', {
    inputs: ['float32[9,4]', 'float32[9]', 'int32[]', 'float32[]', 'float32[]', 'float32[]'],
    expect: ['int32[?]', 'float32[?]', 'int32[]'],
  }),
];
