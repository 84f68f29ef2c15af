import { activationOf } from './activation.js';
import type { ReferenceFamily, ReferenceKernel } from './kernel.js';
import { fromReals, reals, required, sizeOf } from './values.js';
import { forEachTap, windowAxis } from './window.js';

type Pooling = 'AVERAGE_POOL_2D' | 'MAX_POOL_2D' | 'L2_POOL_2D';

/** One value per window and channel of an NHWC image, of the elements inside the image only. */
function pooling(
  initial: number,
  merge: (total: number, x: number) => number,
  finish: (total: number, count: number) => number,
): ReferenceKernel<Pooling> {
  return ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const data = reals(x);
    const output = outputs[0]!;
    const [batch, height, width, depth] = x.shape as [number, number, number, number];
    const rows = windowAxis(
      height,
      output.shape[1]!,
      options.filterHeight,
      options.strideH,
      1,
      options.padding,
    );
    const columns = windowAxis(
      width,
      output.shape[2]!,
      options.filterWidth,
      options.strideW,
      1,
      options.padding,
    );
    const activate = activationOf(options.fusedActivationFunction);
    const result = new Float64Array(sizeOf(output.shape));
    let at = 0;
    for (let b = 0; b < batch; b++) {
      for (let y = 0; y < rows.output; y++) {
        for (let x = 0; x < columns.output; x++) {
          for (let c = 0; c < depth; c++) {
            let total = initial;
            let count = 0;
            forEachTap(rows, y, (_, iy) => {
              forEachTap(columns, x, (_, ix) => {
                total = merge(total, data[((b * height + iy) * width + ix) * depth + c]!);
                count++;
              });
            });
            result[at++] = activate(finish(total, count));
          }
        }
      }
    }
    return [fromReals(output, result)];
  };
}

export const POOL: ReferenceFamily<Pooling> = {
  AVERAGE_POOL_2D: pooling(
    0,
    (total, x) => total + x,
    (total, count) => total / count,
  ),
  MAX_POOL_2D: pooling(-Infinity, Math.max, (max) => max),
  L2_POOL_2D: pooling(
    0,
    (total, x) => total + x * x,
    (total, count) => Math.sqrt(total / count),
  ),
};
