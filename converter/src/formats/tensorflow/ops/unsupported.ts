const TABLE = 'look-up tables live outside the graph; map the keys before the model runs';
const EXAMPLE = 'it parses serialized tf.Example messages; feed tensors with another signature';
const RANDOM = 'it draws random numbers; save the model in inference mode (training=False)';
const LEGACY =
  'control flow of TensorFlow 1; save with tf.compat.v1.enable_control_flow_v2(), or freeze the graph';
const INPUT = 'the tensor is not an input of the signature; pick another signature or feed it';
const VARIABLE = 'it updates parts of a variable, which .tflite cannot say';
const QUEUE = 'queues and data sets feed training; pick an inference signature';
const LIST =
  'recurrent layers and tf.map_fn keep their steps in lists; build the layer with unroll=True';
const CASE = 'a choice of more than two branches; nest tf.cond instead';

/** Why ops that people meet cannot be imported, and what to do. */
export const UNSUPPORTED_REASONS: Readonly<Record<string, string>> = {
  Placeholder: INPUT,
  ParseExample: EXAMPLE,
  ParseExampleV2: EXAMPLE,
  ParseSingleExample: EXAMPLE,
  HashTable: TABLE,
  HashTableV2: TABLE,
  MutableHashTableV2: TABLE,
  LookupTableFind: TABLE,
  LookupTableFindV2: TABLE,
  LookupTableSizeV2: TABLE,
  RandomUniform: RANDOM,
  RandomStandardNormal: RANDOM,
  StatelessRandomUniform: RANDOM,
  StatelessRandomUniformV2: RANDOM,
  StatelessRandomNormalV2: RANDOM,
  Multinomial: RANDOM,
  Enter: LEGACY,
  Exit: LEGACY,
  LoopCond: LEGACY,
  Merge: LEGACY,
  NextIteration: LEGACY,
  Switch: LEGACY,
  ResourceScatterAdd: VARIABLE,
  ResourceScatterUpdate: VARIABLE,
  ScatterUpdate: VARIABLE,
  IteratorGetNext: QUEUE,
  IteratorV2: QUEUE,
  QueueDequeueV2: QUEUE,
  QueueDequeueManyV2: QUEUE,
  Case: CASE,
  StatelessCase: CASE,
  TensorListFromTensor: LIST,
  TensorListGetItem: LIST,
  TensorListReserve: LIST,
  TensorListSetItem: LIST,
  TensorListStack: LIST,
  PyFunc: 'it calls Python; rewrite the function with TensorFlow ops',
  EagerPyFunc: 'it calls Python; rewrite the function with TensorFlow ops',
};
