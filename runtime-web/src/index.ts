/**
 * Linnet's runtime: loads TFLite models and runs them on SIMD WebAssembly, in browsers and Node.
 *
 * @packageDocumentation
 */
export type { Arithmetic, Build } from '@linnet/runtime-wasm';
export { type DType, type ErrorCode, LinnetError, type TypedArray } from '@linnet/schema';
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
export {
  type InspectOptions,
  inspectPlan,
  type LoadOptions,
  type LoadProgress,
  loadModel,
  type TuneOptions,
  tuneModel,
} from './load.js';
export { type Trace, type TraceEvent, toTrace } from './run/trace.js';
