/** Index arithmetic: from the number of an element to the place of an operand's. */
import type { Walk } from '../../lower/dims.js';
import { type Param, u32 } from './kernel.js';

/** Parameters of a walk, and the function `NAME(flat: u32) -> u32` for each of its operands. */
export interface WalkCode {
  readonly params: Readonly<Record<string, Param>>;
  readonly functions: string;
}

/**
 * The functions that take the number of an element, counted in row-major order of `dims`, to where
 * each operand has it: sum of index * stride. Sizes are parameters, so that walks of one rank share
 * a shader. Strides may be negative; the sum wraps round in u32, so that `starts` make it right.
 */
export function walkCode(
  { dims, strides }: Walk,
  names: readonly string[],
  starts: readonly number[] = names.map(() => 0),
): WalkCode {
  const params: Record<string, Param> = {};
  dims.forEach((dim, axis) => {
    params[`dim${axis}`] = u32(dim);
  });
  const functions = names.map((name, operand) => {
    params[`${name}_start`] = u32((starts[operand] as number) >>> 0);
    const lines = dims.map((_, reversed) => {
      const axis = dims.length - 1 - reversed;
      const stride = `${name}_stride${axis}`;
      params[stride] = u32(((strides[operand] as readonly number[])[axis] as number) >>> 0);
      const dim = `params.dim${axis}`;
      return axis === 0
        ? `at += rest * params.${stride};`
        : `at += (rest % ${dim}) * params.${stride}; rest /= ${dim};`;
    });
    return `fn ${name}(flat: u32) -> u32 { var rest = flat; var at = params.${name}_start; ${lines.join(' ')} return at; }`;
  });
  return { params, functions: functions.join('\n') };
}
