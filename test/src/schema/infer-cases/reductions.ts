import { each, type InferCase, of } from './case.js';

export const REDUCTIONS: readonly InferCase[] = [
  ...each(
    ['SUM', 'MEAN', 'REDUCE_MAX', 'REDUCE_MIN', 'REDUCE_PROD'],
    { inputs: ['float32[2,3,4]', 'int32[2]'], values: { 1: [0, -1] }, expect: ['float32[3]'] },
    {
      inputs: ['float32[2,?,4]', 'int32[]'],
      values: { 1: [1] },
      options: { keepDims: true },
      expect: ['float32[2,1,4]'],
    },
    { inputs: ['float32[2,3,4]', 'int32[2]'], expect: ['float32[?]'] },
    {
      inputs: ['float32[2,3]', 'int32[1]'],
      values: { 1: [2] },
      declared: ['float32[2]'],
      expect: /axis is 2/,
    },
  ),
  ...of('SUM', {
    inputs: ['qint8[2,3]', 'int32[1]'],
    values: { 1: [0] },
    expect: ['qint8[3]'],
    version: 2,
  }),
  ...each(
    ['REDUCE_ANY', 'REDUCE_ALL'],
    { inputs: ['bool[2,3]', 'int32[1]'], values: { 1: [0] }, expect: ['bool[3]'] },
    { inputs: ['float32[2]', 'int32[1]'], declared: ['bool[]'], expect: /bool/ },
  ),
  ...each(
    ['ARG_MAX', 'ARG_MIN'],
    { inputs: ['float32[2,3]', 'int32[]'], values: { 1: [-1] }, expect: ['int32[2]'] },
    { inputs: ['float32[2,3]', 'int32[]'], expect: ['int64[?]'] },
  ),
  ...of(
    'CUMSUM',
    { inputs: ['float32[2,3]', 'int32[]'], values: { 1: [1] }, expect: ['float32[2,3]'] },
    {
      inputs: ['float32[2,3]', 'int32[]'],
      values: { 1: [2] },
      declared: ['float32[2,3]'],
      expect: /axis is 2/,
    },
  ),
  ...of(
    'TOPK_V2',
    {
      inputs: ['float32[2,5]', 'int32[]'],
      values: { 1: [3] },
      expect: ['float32[2,3]', 'int32[2,3]'],
    },
    { inputs: ['float32[2,5]', 'int32[]'], expect: ['float32[2,?]', 'int32[2,?]'] },
    {
      inputs: ['float32[2,5]', 'int32[]'],
      values: { 1: [6] },
      declared: ['float32[2,6]', 'int32[2,6]'],
      expect: /k\) is 6/,
    },
  ),
  ...of('UNIQUE', { inputs: ['float32[5]'], expect: ['float32[?]', 'int32[5]'] }),
  ...of(
    'WHERE',
    { inputs: ['bool[2,3]'], expect: ['int64[?,2]'] },
    { inputs: ['float32[3]'], expect: ['int64[?,1]'], version: 2 },
  ),
  ...of(
    'SEGMENT_SUM',
    { inputs: ['float32[4,2]', 'int32[4]'], values: { 1: [0, 0, 2, 2] }, expect: ['float32[3,2]'] },
    { inputs: ['float32[4,2]', 'int32[4]'], expect: ['float32[?,2]'] },
    { inputs: ['float32[4,2]', 'int32[3]'], declared: ['float32[?,2]'], expect: /3 and 4|4 and 3/ },
  ),
  ...each(
    [
      'UNSORTED_SEGMENT_MAX',
      'UNSORTED_SEGMENT_MIN',
      'UNSORTED_SEGMENT_PROD',
      'UNSORTED_SEGMENT_SUM',
    ],
    {
      inputs: ['float32[4,2,3]', 'int32[4,2]', 'int32[]'],
      values: { 2: [5] },
      expect: ['float32[5,3]'],
    },
    {
      inputs: ['float32[4]', 'int32[3]', 'int32[]'],
      declared: ['float32[?]'],
      expect: /segment ids/,
    },
  ),
];
