import { ActivationFunctionType } from '@linnet/schema';

/**
 * A function `activate` of values of a WGSL type, f32 or a vector of it.
 * tanh is clamped because some devices compute it by exponentials that overflow.
 */
export function activationFunction(activation: ActivationFunctionType, type: string): string {
  const of = BODIES[activation];
  return `fn activate(v: ${type}) -> ${type} { return ${of((x) => `${type}(${x})`)}; }`;
}

type Splat = (value: string) => string;

const BODIES: Readonly<Record<ActivationFunctionType, (splat: Splat) => string>> = {
  [ActivationFunctionType.NONE]: () => 'v',
  [ActivationFunctionType.RELU]: (of) => `max(v, ${of('0.0')})`,
  [ActivationFunctionType.RELU6]: (of) => `clamp(v, ${of('0.0')}, ${of('6.0')})`,
  [ActivationFunctionType.RELU_N1_TO_1]: (of) => `clamp(v, ${of('-1.0')}, ${of('1.0')})`,
  [ActivationFunctionType.TANH]: (of) => `tanh(clamp(v, ${of('-10.0')}, ${of('10.0')}))`,
  [ActivationFunctionType.SIGN_BIT]: (of) => `select(${of('0.0')}, ${of('1.0')}, v < ${of('0.0')})`,
};
