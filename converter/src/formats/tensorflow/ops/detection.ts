import type { TensorId } from '../../../graph/graph.js';
import { FLOAT32_MAX } from '../numbers.js';
import type { Site, TfImport, TfOps } from '../site.js';

/**
 * Picks boxes of high scores that overlap little. The builtin pads the list to the largest size;
 * ops that return a list as long as there are boxes get its beginning.
 */
function suppress(site: Site): readonly TensorId[] {
  const [boxes, scores, size, overlap] = site.inputs(0, 4) as [
    TensorId,
    TensorId,
    TensorId,
    TensorId,
  ];
  const threshold = site.inputCount > 4 ? site.input(4) : site.scalar(-FLOAT32_MAX, 'float32');
  return site.addMany('NON_MAX_SUPPRESSION_V4', [boxes, scores, size, overlap, threshold]);
}

function beginning(site: Site, list: TensorId, count: TensorId): TensorId {
  const length = site.add('RESHAPE', [count, site.vector([1])], { newShape: [1] });
  return site.add('SLICE', [list, site.vector([0]), length]);
}

const unpadded: TfImport = (site) => {
  const [selected, count] = suppress(site) as [TensorId, TensorId];
  return beginning(site, selected, count);
};

const isPadded = (site: Site) => site.attrs.bool('pad_to_max_output_size', false);

/** Choosing among detected boxes. */
export const DETECTION: TfOps = {
  NonMaxSuppressionV2: unpadded,
  NonMaxSuppressionV3: unpadded,
  NonMaxSuppressionV4: (site) => {
    const [selected, count] = suppress(site) as [TensorId, TensorId];
    return [isPadded(site) ? selected : beginning(site, selected, count), count];
  },
  NonMaxSuppressionV5: (site) => {
    const outputs = site.addMany('NON_MAX_SUPPRESSION_V5', site.inputs());
    const [selected, scores, count] = outputs as [TensorId, TensorId, TensorId];
    if (isPadded(site)) return outputs;
    return [beginning(site, selected, count), beginning(site, scores, count), count];
  },
};
