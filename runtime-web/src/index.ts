/**
 * Linnet's runtime: loads TFLite models and runs them on SIMD WebAssembly, in browsers and Node.
 *
 * @packageDocumentation
 */
export type { Arithmetic, Build } from '@linnet/runtime-wasm';
export type { DType, TypedArray } from '@linnet/schema';
export { type ErrorCode, LinnetError } from '@linnet/schema/errors';
export type {
  BackendName,
  Choice,
  Cost,
  DeviceOutputs,
  GraphReport,
  Handovers,
  Latency,
  MemoryInfo,
  Model,
  ModelInfo,
  ModelInputs,
  ModelOutputs,
  OpProfile,
  OpSupport,
  PlanReport,
  Profile,
  ProfileOptions,
  RunOptions,
  SignatureInfo,
  StepProfile,
  StepSpan,
  TunedChoice,
  Tuning,
  WasmUrl,
} from './api.js';
export { float16ToFloat32, float32ToFloat16 } from './io/float16.js';
export type { PictureInput, PictureSource } from './io/picture.js';
export type { ModelSource } from './io/source.js';
export type {
  DeviceOutput,
  TensorData,
  TensorInfo,
  TensorInput,
  TensorOutput,
} from './io/tensor.js';
export { inspectPlan, loadModel, tuneModel } from './load.js';
export type { InspectOptions, LoadOptions, LoadProgress, TuneOptions } from './load-options.js';
export { type Trace, type TraceEvent, toTrace } from './run/trace.js';
