/** The side of the browser tests that runs in the page, as `globalThis.linnet`; see chromium.ts. */
import {
  LinnetError,
  type LoadOptions,
  loadModel,
  type Model,
  type ModelInfo,
} from '@linnet/runtime-web';
import type { ElementsByName } from '../support/outputs.js';
import * as gpu from './page-gpu.js';
import { type Parcel, pack, unpack } from './parcel.js';

export interface RunRequest {
  /** Where the page finds the model. */
  readonly url: string;
  readonly options: LoadOptions;
  readonly signature: string | null;
  /** By name, or in the order of the model's inputs. */
  readonly inputs: Readonly<Record<string, Parcel>> | readonly Parcel[];
  /** How often to run; the last run's outputs count. */
  readonly runs: number;
}

export interface RunAnswer {
  readonly info: ModelInfo;
  readonly outputs: Readonly<Record<string, Parcel>>;
}

async function run({ url, options, signature, inputs, runs }: RunRequest): Promise<RunAnswer> {
  const model = await loadModel(url, options);
  try {
    const given = Array.isArray(inputs)
      ? inputs.map(unpack)
      : Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, unpack(value)]));
    let outputs: ElementsByName = {};
    for (let left = runs; left > 0; left--) {
      outputs = await model.run(given as never, signature === null ? {} : { signature });
    }
    const packed = Object.entries(outputs).map(([name, value]) => [name, pack(value)]);
    return { info: model.info, outputs: Object.fromEntries(packed) };
  } finally {
    model.dispose();
  }
}

/** Loads a model and lets go of it; the error's code and message where that fails. */
async function load(url: string, options: LoadOptions = {}): Promise<string> {
  try {
    (await loadModel(url, options)).dispose();
    return 'loaded';
  } catch (error) {
    return error instanceof LinnetError ? `${error.code}: ${error.message}` : `${error}`;
  }
}

/** A LinnetError on its way out of the page. */
export type Refusal = Pick<LinnetError, 'code' | 'message' | 'where'>;

/** What running gives, or why it is refused. */
async function attempt(request: RunRequest): Promise<RunAnswer | Refusal> {
  try {
    return await run(request);
  } catch (error) {
    if (!(error instanceof LinnetError)) throw error;
    const { code, message, where } = error;
    return { code, message, where };
  }
}

/** What loading from each kind of source gives: the number of inputs, or the error's code. */
type Outcome = number | string;

async function outcome(
  loading: Promise<{ inputs: readonly unknown[]; dispose(): void }>,
): Promise<Outcome> {
  try {
    const model = await loading;
    model.dispose();
    return model.inputs.length;
  } catch (error) {
    return error instanceof LinnetError ? error.code : `not a LinnetError: ${error}`;
  }
}

/** Loads a model in every way that a page can come by one. */
async function loadFromEverywhere(url: string): Promise<Readonly<Record<string, Outcome>>> {
  const bytes = await (await fetch(url)).arrayBuffer();
  const body = async () => (await fetch(url)).body as ReadableStream<Uint8Array>;
  return {
    'relative URL': await outcome(loadModel(url)),
    'URL object': await outcome(loadModel(new URL(url, document.baseURI))),
    'blob URL': await outcome(loadModel(URL.createObjectURL(new Blob([bytes])))),
    Response: await outcome(loadModel(await fetch(url))),
    stream: await outcome(loadModel(await body())),
    File: await outcome(loadModel(new File([bytes], 'model.tflite'))),
    ArrayBuffer: await outcome(loadModel(bytes)),
    Uint8Array: await outcome(loadModel(new Uint8Array(bytes))),
  };
}

/** Loads what cannot be loaded. */
async function loadFaults(url: string): Promise<Readonly<Record<string, Outcome>>> {
  const bytes = await (await fetch(url)).arrayBuffer();
  const aborted = new AbortController();
  const loading = outcome(loadModel(url, { signal: aborted.signal }));
  aborted.abort();
  return {
    'no such file': await outcome(loadModel('no-such-file.tflite')),
    'no such server': await outcome(loadModel('http://localhost:9/model.tflite')),
    'a page': await outcome(loadModel('index.html')),
    truncated: await outcome(loadModel(bytes.slice(0, bytes.byteLength / 2))),
    aborted: await loading,
    'kernels elsewhere': await outcome(loadModel(url, { wasmUrl: () => 'no-such-file.wasm' })),
  };
}

async function progressOf(
  url: string,
): Promise<readonly (readonly [string, number, number | undefined])[]> {
  const seen: [string, number, number | undefined][] = [];
  const onProgress: LoadOptions['onProgress'] = ({ phase, loaded, total }) =>
    seen.push([phase, loaded, total]);
  (await loadModel(url, { onProgress })).dispose();
  return seen;
}

/** What a model on two workers does that one instance does, and what it fetches and leaves behind. */
async function runOnWorkers(url: string) {
  const [one, two] = [await loadModel(url), await loadModel(url, { workers: 2 })];
  const size = (one.inputs[0]?.shape ?? []).reduce((product, dim) => product * dim, 1);
  const inputs = Array.from({ length: 6 }, (_, n) =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(i + 10 * n)),
  );
  const picture = new ImageData(3, 3);
  picture.data.forEach((_, i) => {
    picture.data[i] = i % 4 === 3 ? 255 : 5 * i;
  });
  const answers = (model: Model) =>
    Promise.all([...inputs.map((input) => [input]), [{ picture }]].map((each) => model.run(each)));
  const toText = async (model: Model) =>
    JSON.stringify(await answers(model), (_, value) =>
      ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value,
    );
  const expected = await toText(one);
  const isSame = (await toText(two)) === expected;
  const wrong = await two.run([new Float32Array(1)]).catch((error) => error.code);
  const { workers, threads } = two.info;
  const left = two.run([inputs[0] as Float32Array]).catch((error) => error.code);
  two.dispose();
  const fetched = performance.getEntriesByType('resource').filter(({ name }) => name.endsWith(url));
  one.dispose();
  return { isSame, workers, threads, wrong, left: await left, fetched: fetched.length };
}

export const linnet = {
  attempt,
  run,
  runOnWorkers,
  load,
  loadFromEverywhere,
  loadFaults,
  progressOf,
  ...gpu,
};

Object.assign(globalThis, { linnet });
