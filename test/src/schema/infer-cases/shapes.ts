import { type InferCase, of } from './case.js';

export const SHAPES: readonly InferCase[] = [
  ...of(
    'RESHAPE',
    { inputs: ['float32[2,3,4]', 'int32[2]'], values: { 1: [-1, 4] }, expect: ['float32[6,4]'] },
    { inputs: ['float32[?,3]', 'int32[2]'], values: { 1: [-1, 3] }, expect: ['float32[?,3]'] },
    { inputs: ['float32[6]', 'int32[2]'], expect: ['float32[?,?]'] },
    { inputs: ['float32[6]'], options: { newShape: [2, 3] }, expect: ['float32[2,3]'] },
    { inputs: ['float32[1]'], options: { newShape: [0] }, expect: ['float32[]'] },
    {
      inputs: ['qint8[6]', 'int32[1]'],
      values: { 1: [-1] },
      declared: ['int8[6]'],
      expect: ['qint8[6]'],
    },
    {
      inputs: ['float32[6]', 'int32[1]'],
      values: { 1: [4] },
      declared: ['float32[4]'],
      expect: /cannot be reshaped/,
    },
    {
      inputs: ['float32[6]', 'int32[2]'],
      values: { 1: [-1, -1] },
      declared: ['float32[?,?]'],
      expect: /cannot be reshaped/,
    },
  ),
  ...of(
    'SQUEEZE',
    { inputs: ['float32[1,3,1]'], expect: ['float32[3]'] },
    { inputs: ['float32[?,1,3]'], options: { squeezeDims: [-2] }, expect: ['float32[?,3]'] },
    {
      inputs: ['float32[2,3]'],
      options: { squeezeDims: [0] },
      declared: ['float32[3]'],
      expect: /Dimension 0/,
    },
  ),
  ...of(
    'EXPAND_DIMS',
    { inputs: ['float32[2,3]', 'int32[]'], values: { 1: [-1] }, expect: ['float32[2,3,1]'] },
    { inputs: ['float32[2,3]', 'int32[]'], expect: ['float32[?,?,?]'] },
  ),
  ...of(
    'TRANSPOSE',
    {
      inputs: ['float32[2,3,?]', 'int32[3]'],
      values: { 1: [2, 0, 1] },
      expect: ['float32[?,2,3]'],
    },
    {
      inputs: ['float32[2,3]', 'int32[2]'],
      values: { 1: [0, 0] },
      declared: ['float32[2,2]'],
      expect: /each axis once/,
    },
    {
      inputs: ['float32[1,1,1,1,1]', 'int32[5]'],
      values: { 1: [0, 1, 2, 3, 4] },
      expect: ['float32[1,1,1,1,1]'],
      version: 4,
    },
  ),
  ...of(
    'BROADCAST_TO',
    {
      inputs: ['float32[3,1]', 'int32[3]'],
      values: { 1: [2, 3, 4] },
      expect: ['float32[2,3,4]'],
      version: 2,
    },
    {
      inputs: ['float32[3]', 'int32[1]'],
      values: { 1: [4] },
      declared: ['float32[4]'],
      expect: /does not broadcast/,
    },
  ),
  ...of('BROADCAST_ARGS', { inputs: ['int32[2]', 'int32[3]'], expect: ['int32[3]'] }),
  ...of(
    'SHAPE',
    { inputs: ['float32[?,3]'], expect: ['int32[2]'] },
    { inputs: ['float32[?,3]'], expect: ['int64[2]'] },
  ),
  ...of('RANK', { inputs: ['float32[?,3]'], expect: ['int32[]'] }),
  ...of(
    'FILL',
    { inputs: ['int32[2]', 'float32[]'], values: { 0: [2, 3] }, expect: ['float32[2,3]'] },
    { inputs: ['int64[2]', 'float32[]'], expect: ['float32[?,?]'] },
    {
      inputs: ['int32[1]', 'float32[]'],
      values: { 0: [-3] },
      declared: ['float32[3]'],
      expect: /negative/,
    },
  ),
  ...of(
    'RANGE',
    {
      inputs: ['int32[]', 'int32[]', 'int32[]'],
      values: { 0: [0], 1: [7], 2: [3] },
      expect: ['int32[3]'],
    },
    { inputs: ['float32[]', 'float32[]', 'float32[]'], expect: ['float32[?]'] },
    {
      inputs: ['int32[]', 'int32[]', 'int32[]'],
      values: { 0: [0], 1: [7], 2: [0] },
      declared: ['int32[?]'],
      expect: /delta/,
    },
  ),
  ...of(
    'ONE_HOT',
    {
      inputs: ['int32[2,3]', 'int32[]', 'float32[]', 'float32[]'],
      options: { axis: -1 },
      values: { 1: [5] },
      expect: ['float32[2,3,5]'],
    },
    {
      inputs: ['int32[2,3]', 'int32[]', 'float32[]', 'float32[]'],
      options: { axis: 0 },
      expect: ['float32[?,2,3]'],
    },
  ),
  ...of(
    'TILE',
    { inputs: ['float32[2,?]', 'int32[2]'], values: { 1: [3, 2] }, expect: ['float32[6,?]'] },
    { inputs: ['float32[2]', 'int32[2]'], declared: ['float32[2]'], expect: /multiples/ },
  ),
  ...of('MATRIX_DIAG', { inputs: ['float32[2,3]'], expect: ['float32[2,3,3]'] }),
  ...of(
    'MATRIX_SET_DIAG',
    { inputs: ['float32[2,3,4]', 'float32[2,3]'], expect: ['float32[2,3,4]'] },
    {
      inputs: ['float32[2,3,4]', 'float32[2,4]'],
      declared: ['float32[2,3,4]'],
      expect: /diagonal/,
    },
  ),
];
