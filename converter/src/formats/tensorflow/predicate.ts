import { PASS_THROUGH } from './node.js';
import type { TensorProto } from './proto/messages.js';

/** What a predicate depends on: an op and its first input. */
interface Step<N> {
  readonly op: string | undefined;
  readonly tensor: TensorProto | undefined;
  readonly input: N | undefined;
}

/** More negations and identities in a row than anybody writes. */
const MAX_STEPS = 1000;

/** The value of a boolean scalar that is known while converting; undefined otherwise. */
export function knownPredicate<N>(start: N, look: (at: N) => Step<N>): boolean | undefined {
  let isNegated = false;
  let at = start;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const { op, tensor, input } = look(at);
    if (op === 'Const' && tensor !== undefined) {
      const value =
        tensor.content.length > 0 ? tensor.content[0] !== 0 : tensor.boolVal[0] === true;
      return value !== isNegated;
    }
    if (op === undefined || input === undefined) return undefined;
    if (op === 'LogicalNot') isNegated = !isNegated;
    else if (!PASS_THROUGH.has(op)) return undefined;
    at = input;
  }
  return undefined;
}
