/** A worker thread that compiles and links with @yowasp/clang, one request at a time. */
import { parentPort } from 'node:worker_threads';
import { runClang, runLLVM } from '@yowasp/clang';

/** Loads the compiler, without the progress lines that it prints otherwise. */
const loaded = runLLVM(null, {}, { fetchProgress: () => {} });
const TOOLS = { clang: runClang, 'wasm-ld': runLLVM };

parentPort.on('message', async ({ tool, args, files }) => {
  const diagnostics = [];
  const decoder = new TextDecoder();
  const collect = (bytes) =>
    bytes !== null && diagnostics.push(decoder.decode(bytes, { stream: true }));
  try {
    await loaded;
    const result = await TOOLS[tool](args, files, { stdout: collect, stderr: collect });
    if (diagnostics.length > 0) process.stderr.write(diagnostics.join(''));
    parentPort.postMessage({ output: result.out });
  } catch (error) {
    parentPort.postMessage({ failure: diagnostics.join('') || error.message });
  }
});
