import { each, type InferCase, of } from './case.js';

const features = 'float32[4,3]';
const square = 'float32[4,4]';
const vector = 'float32[4]';
const state = 'float32[2,4]';
/** The 20 inputs of an LSTM of 4 units over 3 features in a batch of 2. */
const lstm = (data: string) => [
  data,
  features,
  features,
  features,
  features,
  square,
  square,
  square,
  square,
  null,
  null,
  null,
  vector,
  vector,
  vector,
  vector,
  null,
  null,
  state,
  state,
];

export const STATEFUL: readonly InferCase[] = [
  ...of(
    'RNN',
    { inputs: ['float32[2,3]', features, square, vector, state], expect: ['float32[2,4]'] },
    {
      inputs: ['float32[2,5]', features, square, vector, state],
      declared: ['float32[2,4]'],
      expect: /3 and 5/,
    },
  ),
  ...of('UNIDIRECTIONAL_SEQUENCE_RNN', {
    inputs: ['float32[2,7,3]', features, square, vector, state],
    expect: ['float32[2,7,4]'],
  }),
  ...of(
    'LSTM',
    { inputs: lstm('float32[2,3]'), expect: ['float32[2,4]'] },
    {
      inputs: ['float32[2,3]', state, 'float32[16,7]', 'float32[16]', state],
      options: { kernelType: 1 },
      expect: [state, state, 'float32[2,7]', 'float32[2,16]'],
      version: 2,
    },
  ),
  ...of(
    'UNIDIRECTIONAL_SEQUENCE_LSTM',
    { inputs: lstm('float32[2,7,3]'), expect: ['float32[2,7,4]'] },
    { inputs: lstm('float32[7,2,3]'), options: { timeMajor: true }, expect: ['float32[7,2,4]'] },
    { inputs: lstm('float32[5,7,3]'), declared: ['float32[5,7,4]'], expect: /output state/ },
  ),
  ...of(
    'SVDF',
    {
      inputs: ['float32[2,3]', 'float32[8,3]', 'float32[8,10]', null, 'float32[2,80]'],
      options: { rank: 2 },
      expect: ['float32[2,4]'],
    },
    {
      inputs: ['float32[2,3]', 'float32[8,3]', 'float32[8,10]', null, 'float32[2,80]'],
      declared: ['float32[2,4]'],
      expect: /rank 0/,
    },
  ),
  ...of(
    'IF',
    { inputs: ['bool[]', 'float32[2]'], expect: ['float32[?]'] },
    { inputs: ['float32[]'], declared: ['float32[]'], expect: /condition/ },
  ),
  ...each(['WHILE', 'STABLEHLO_COMPOSITE'], { inputs: ['float32[2]'], expect: ['float32[2]'] }),
  ...of('CALL_ONCE', { inputs: [], expect: [] }),
  ...of('VAR_HANDLE', { inputs: [], expect: ['resource[]'] }),
  ...of(
    'READ_VARIABLE',
    { inputs: ['resource[]'], expect: ['float32[2,3]'] },
    { inputs: ['float32[]'], declared: ['float32[]'], expect: /resource/ },
  ),
  ...of('ASSIGN_VARIABLE', { inputs: ['resource[]', 'float32[2]'], expect: [] }),
];
