import { LinnetError } from '@linnet/schema';
import { Attributes } from './attributes.js';

/** A node of the flat graph. Its name is prefixed by those of the calls around it. */
export interface TfNode {
  readonly name: string;
  readonly op: string;
  readonly attrs: Attributes;
  /** Data inputs. */
  readonly inputs: readonly TfRef[];
  /** Nodes that TensorFlow runs before this one though it reads nothing of them. */
  readonly controls: readonly TfNode[];
}

/** Output `index` of a node. */
export interface TfRef {
  readonly node: TfNode;
  readonly index: number;
}

/** The op of nodes that stand for values from outside; no TensorFlow op is called that. */
export const INPUT_OP = 'input';

/** A node that stands for a value from outside: a graph input. */
export function inputNode(name: string): TfNode {
  const op = INPUT_OP;
  return { name, op, attrs: new Attributes(new Map(), name, op), inputs: [], controls: [] };
}

/** Ops whose first output is their first input. */
export const PASS_THROUGH: ReadonlySet<string> = new Set([
  'Identity',
  'StopGradient',
  'PlaceholderWithDefault',
  'EnsureShape',
]);

/** The node behind identities. */
export function origin(ref: TfRef | undefined): TfRef {
  if (ref === undefined) throw malformed('a node has too few inputs');
  let at = ref;
  const seen = new Set<TfNode>();
  while (PASS_THROUGH.has(at.node.op) && at.node.inputs.length > 0) {
    if (seen.has(at.node)) throw malformed(`the node ${ref.node.name} reads itself`);
    seen.add(at.node);
    at = at.node.inputs[0]!;
  }
  return at;
}

/** An error about the structure of a graph. */
export function malformed(what: string): LinnetError {
  return new LinnetError('INVALID_MODEL', `malformed TensorFlow graph: ${what}`);
}
