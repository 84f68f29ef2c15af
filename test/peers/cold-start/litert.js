import { loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core';
import { classify } from './classify.js';

classify(async (model, input) => {
  await loadLiteRt('/peers/@litertjs/core/wasm/');
  const loaded = await loadAndCompile(model, { accelerator: 'wasm' });
  const [scores] = await loaded.run([new Tensor(await input, [1, 224, 224, 3])]);
  return scores.toTypedArray();
});
