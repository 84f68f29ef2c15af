/** A worker that has an instance of a model, and runs it when it is asked to. */
import type { ModelInfo, ModelOutputs } from '../api.js';
import { LinnetError, nodeModule } from '../base.js';
import { prepare } from '../prepare.js';
import type { LoadedModel } from '../run/model.js';
import { sharedKernels } from '../wasm/kernels.js';
import { ABORT, type Answer, type LoadRequest, type RunRequest, toFailure } from './messages.js';

const port = nodeModule('node:worker_threads')?.parentPort;

function answer(message: Answer, transfer: readonly ArrayBuffer[] = []): void {
  if (port) port.postMessage(message, transfer);
  else globalThis.postMessage(message, { transfer: [...transfer] });
}

function listen(receive: (data: LoadRequest | RunRequest | typeof ABORT) => void): void {
  if (port) port.on('message', receive);
  else globalThis.onmessage = ({ data }: MessageEvent) => receive(data);
}

let model: LoadedModel | undefined;
let info: ModelInfo | undefined;
let running: AbortController | undefined;

async function load({ bytes, module, options }: LoadRequest): Promise<void> {
  const kernels = sharedKernels(options.threads, module);
  model = (await prepare(bytes, kernels, { ...options, backend: 'wasm' })) as LoadedModel;
  if (model.keepsState) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      'The model keeps state from one run to the next, which workers would not share.',
      {},
      ['Load it without workers.'],
    );
  }
  info = model.info;
  answer({ loaded: { signatures: model.signatures, info } });
}

async function run(model: LoadedModel, { inputs, signature, profile }: RunRequest): Promise<void> {
  running = new AbortController();
  const options = { signal: running.signal, ...(signature !== undefined && { signature }) };
  if (profile !== undefined) {
    const { runs } = profile;
    const result = await model.profile(inputs, { ...options, ...(runs !== undefined && { runs }) });
    answer({ done: { profile: result, ...news(model) } });
    return;
  }
  const outputs = await model.run(inputs, options);
  answer({ done: { outputs, ...news(model) } }, buffersOf(outputs));
}

/** What runs the model and what it takes, where that has changed: plans are made when shapes first come. */
function news({ info: now }: LoadedModel): { readonly info?: ModelInfo } {
  const isKnown = now.memory.total === info?.memory.total && now.memory.arena === info.memory.arena;
  info = now;
  return isKnown ? {} : { info };
}

/** The memory that the outputs alone are in. */
function buffersOf(outputs: ModelOutputs): readonly ArrayBuffer[] {
  const buffers = Object.values(outputs).flatMap(({ data }) =>
    ArrayBuffer.isView(data) ? [data.buffer as ArrayBuffer] : [],
  );
  return [...new Set(buffers)];
}

listen((data) => {
  if (data === ABORT) {
    running?.abort();
    return;
  }
  const doing = 'bytes' in data ? load(data) : run(model as LoadedModel, data);
  doing.catch((error) => answer({ failed: toFailure(error) }));
});
