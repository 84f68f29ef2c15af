import { loadModel } from '@linnet/runtime-web';
import { classify } from './classify.js';

classify(async (model, input) => {
  const loaded = await loadModel(model);
  const [scores] = Object.values(await loaded.run([await input]));
  return scores.data;
});
