import { each, type InferCase, of } from './case.js';

export const LAYOUTS: readonly InferCase[] = [
  ...of(
    'SPACE_TO_DEPTH',
    { inputs: ['float32[1,4,6,3]'], options: { blockSize: 2 }, expect: ['float32[1,2,3,12]'] },
    {
      inputs: ['float32[1,4,5,3]'],
      options: { blockSize: 2 },
      declared: ['float32[1,2,2,12]'],
      expect: /width is 5/,
    },
  ),
  ...of('DEPTH_TO_SPACE', {
    inputs: ['float32[1,2,?,12]'],
    options: { blockSize: 2 },
    expect: ['float32[1,4,?,3]'],
  }),
  ...of(
    'SPACE_TO_BATCH_ND',
    {
      inputs: ['float32[1,3,4,2]', 'int32[2]', 'int32[2,2]'],
      values: { 1: [2, 2], 2: [1, 0, 0, 0] },
      expect: ['float32[4,2,2,2]'],
    },
    { inputs: ['float32[1,3,4,2]', 'int32[2]', 'int32[2,2]'], expect: ['float32[?,?,?,?]'] },
    {
      inputs: ['float32[1,3,2]', 'int32[1]', 'int32[1,2]'],
      values: { 1: [3], 2: [0, 0] },
      expect: ['float32[3,1,2]'],
      version: 3,
    },
  ),
  ...of(
    'BATCH_TO_SPACE_ND',
    {
      inputs: ['float32[4,2,2,2]', 'int32[2]', 'int32[2,2]'],
      values: { 1: [2, 2], 2: [1, 0, 0, 0] },
      expect: ['float32[1,3,4,2]'],
    },
    {
      inputs: ['float32[3,2,2,2]', 'int32[2]', 'int32[2,2]'],
      values: { 1: [2, 2], 2: [0, 0, 0, 0] },
      declared: ['float32[1,4,4,2]'],
      expect: /batch is 3/,
    },
  ),
  ...of('REVERSE_V2', {
    inputs: ['float32[2,3]', 'int32[1]'],
    values: { 1: [-1] },
    expect: ['float32[2,3]'],
  }),
  ...of(
    'REVERSE_SEQUENCE',
    { inputs: ['float32[2,3,4]', 'int32[2]'], options: { seqDim: 1 }, expect: ['float32[2,3,4]'] },
    {
      inputs: ['float32[2,3,4]', 'int32[3]'],
      options: { seqDim: 1 },
      declared: ['float32[2,3,4]'],
      expect: /lengths/,
    },
  ),
  ...of(
    'PAD',
    {
      inputs: ['float32[2,?]', 'int32[2,2]'],
      values: { 1: [1, 2, 3, 4] },
      expect: ['float32[5,?]'],
    },
    { inputs: ['float32[2,3]', 'int32[2,2]'], expect: ['float32[?,?]'] },
    {
      inputs: ['float32[2]', 'int32[1,2]'],
      values: { 1: [-1, 0] },
      declared: ['float32[1]'],
      expect: /negative/,
    },
    { inputs: ['float32[2]', 'int32[2,2]'], declared: ['float32[2]'], expect: /rows/ },
  ),
  ...of('PADV2', {
    inputs: ['qint8[2]', 'int64[1,2]', 'qint8[]'],
    values: { 1: [1, 1] },
    expect: ['qint8[4]'],
    version: 2,
  }),
  ...of(
    'MIRROR_PAD',
    { inputs: ['float32[3]', 'int32[1,2]'], values: { 1: [2, 2] }, expect: ['float32[7]'] },
    {
      inputs: ['float32[3]', 'int32[1,2]'],
      values: { 1: [3, 0] },
      declared: ['float32[6]'],
      expect: /mirrored/,
    },
    {
      inputs: ['float32[3]', 'int32[1,2]'],
      options: { mode: 1 },
      values: { 1: [3, 0] },
      expect: ['float32[6]'],
    },
  ),
  ...each(
    ['RESIZE_BILINEAR', 'RESIZE_NEAREST_NEIGHBOR'],
    {
      inputs: ['float32[?,2,2,3]', 'int32[2]'],
      values: { 1: [4, 6] },
      expect: ['float32[?,4,6,3]'],
    },
    {
      inputs: ['float32[1,2,2,3]', 'int32[2]'],
      options: { halfPixelCenters: true },
      expect: ['float32[1,?,?,3]'],
      version: 3,
    },
    { inputs: ['float32[2,2]', 'int32[2]'], declared: ['float32[2,2]'], expect: /rank 4/ },
  ),
  ...of('RESIZE_BILINEAR', {
    inputs: ['float32[1,2,2,3]', 'int32[2]'],
    options: { halfPixelCenters: true, alignCorners: true },
    declared: ['float32[1,2,2,3]'],
    expect: /exclude/,
  }),
  ...of(
    'CONCATENATION',
    { inputs: ['float32[2,3]', 'float32[2,4]'], options: { axis: -1 }, expect: ['float32[2,7]'] },
    { inputs: ['float32[?,3]', 'float32[2,?]'], options: { axis: 1 }, expect: ['float32[2,?]'] },
    {
      inputs: ['float32[2,3]', 'float32[3,3]'],
      options: { axis: 1 },
      declared: ['float32[2,6]'],
      expect: /Dimension 0 of inputs 0 and 1/,
    },
  ),
  ...of(
    'SPLIT',
    {
      inputs: ['int32[]', 'float32[2,6]'],
      options: { numSplits: 2 },
      values: { 0: [1] },
      expect: ['float32[2,3]', 'float32[2,3]'],
    },
    {
      inputs: ['int32[]', 'float32[2,5]'],
      options: { numSplits: 2 },
      values: { 0: [1] },
      declared: ['float32[2,3]', 'float32[2,3]'],
      expect: /divide into 2/,
    },
    {
      inputs: ['int32[]', 'float32[4]'],
      options: { numSplits: 3 },
      declared: ['float32[2]', 'float32[2]'],
      expect: /2 outputs/,
    },
  ),
  ...of(
    'SPLIT_V',
    {
      inputs: ['float32[2,6]', 'int32[2]', 'int32[]'],
      options: { numSplits: 2 },
      values: { 1: [-1, 2], 2: [1] },
      expect: ['float32[2,4]', 'float32[2,2]'],
    },
    {
      inputs: ['float32[6]', 'int32[2]', 'int32[]'],
      options: { numSplits: 2 },
      values: { 1: [4, 4], 2: [0] },
      declared: ['float32[4]', 'float32[4]'],
      expect: /does not split/,
    },
  ),
  ...of('PACK', {
    inputs: ['float32[2,?]', 'float32[?,3]'],
    options: { axis: 1, valuesCount: 2 },
    expect: ['float32[2,2,3]'],
  }),
  ...of(
    'UNPACK',
    {
      inputs: ['float32[2,3]'],
      options: { axis: -2, num: 2 },
      expect: ['float32[3]', 'float32[3]'],
    },
    {
      inputs: ['float32[2,3]'],
      options: { axis: 0, num: 3 },
      declared: ['float32[3]', 'float32[3]', 'float32[3]'],
      expect: /3 and 2/,
    },
  ),
];
