/**
 * Turns a GraphDef with its function library into a flat graph: calls are replaced by the bodies
 * of the functions, node by node as they are reached, so that nothing unreachable is looked at.
 */
import { LinnetError } from '@linnet/schema';
import { Attributes } from './attributes.js';
import { parseInput } from './input-name.js';
import { decidedConditionals } from './legacy-control.js';
import { malformed, type TfNode, type TfRef } from './node.js';
import { outputIndex } from './output-names.js';
import { knownPredicate } from './predicate.js';
import type { Attrs, FunctionDef, GraphDef, NodeDef } from './proto/messages.js';

/** Deeper nesting of calls means recursion, which a flat graph cannot say. */
const MAX_CALL_DEPTH = 64;
/** Guards against functions that double the graph at each level. */
const MAX_NODES = 200_000;

/** Values bound to tensors by name (`node:0`), which replace what computes them. */
export type Feeds = ReadonlyMap<string, TfRef>;

/** Where an input comes from before calls are expanded. */
interface Edge {
  readonly scope: Scope;
  readonly input: string;
}

/** A graph, or one call of a function. */
interface Scope {
  readonly prefix: string;
  readonly depth: number;
  readonly defs: ReadonlyMap<string, NodeDef>;
  /** What the arguments of the function are bound to, by name. */
  readonly args: ReadonlyMap<string, Edge | TfRef>;
  /** Inputs that stand for Switch and Merge nodes whose outcome is known, by their names. */
  readonly decided: ReadonlyMap<string, string>;
  /** The function, when the scope is a call. */
  readonly function: FunctionDef | null;
  /** Attributes of the call, which attributes in the body may stand for. */
  readonly callAttrs: Attrs;
  readonly nodes: Map<string, TfNode>;
  readonly calls: Map<string, Scope>;
}

const CALL_OPS: ReadonlySet<string> = new Set(['PartitionedCall', 'StatefulPartitionedCall']);
const IF_OPS: ReadonlySet<string> = new Set(['If', 'StatelessIf']);

export class FlatGraph {
  private readonly functions: ReadonlyMap<string, FunctionDef>;
  private readonly main: Scope;
  private nodeCount = 0;

  constructor(
    graph: GraphDef,
    private readonly feeds: Feeds = new Map(),
  ) {
    this.functions = new Map(
      (graph.library?.function ?? []).map((f) => [f.signature?.name ?? '', f]),
    );
    this.main = newScope(graph.node);
  }

  /** The output of the main graph that a signature names: `node:0`, or `node` for a node's first. */
  output(name: string): TfRef {
    return this.resolve({ scope: this.main, input: name });
  }

  /** The nodes that an operation of the main graph stands for: itself, or a call's effects. */
  operation(name: string): readonly TfNode[] {
    return this.control({ scope: this.main, input: name });
  }

  /** Nodes of the main graph by name, whether reachable or not. */
  has(name: string): boolean {
    return this.main.defs.has(name);
  }

  /** Expands the body of a function on the given arguments. */
  call(
    functionName: string,
    prefix: string,
    args: readonly TfRef[],
  ): { readonly outputs: readonly TfRef[]; readonly effects: readonly TfNode[] } {
    const definition = this.function(functionName);
    const scope = callScope(definition, `${prefix}/`, 1, args, new Map());
    return {
      outputs: (definition.signature?.outputArg ?? []).map(({ name }) =>
        this.resolve({ scope, input: returned(definition, name) }),
      ),
      effects: [...definition.controlRet.values()].flatMap((input) =>
        this.control({ scope, input }),
      ),
    };
  }

  /** Follows an edge through arguments, calls and decided conditionals to the node that computes it. */
  private resolve(edge: Edge): TfRef {
    let { scope, input } = edge;
    for (let hops = 0; hops < MAX_NODES; hops++) {
      const { name, output, index } = parseInput(input);
      const fed = scope === this.main ? this.feeds.get(`${name}:${index}`) : undefined;
      if (fed !== undefined) return fed;
      const bound = scope.args.get(name);
      if (bound !== undefined) {
        if ('node' in bound) return bound;
        ({ scope, input } = bound);
        continue;
      }
      const decided = scope.decided.get(name);
      if (decided !== undefined) {
        input = decided;
        continue;
      }
      const def = definition(scope, name);
      const callee = this.callee(scope, def);
      if (callee === null) {
        return { node: this.node(scope, def), index: outputIndex(def.op, output) + index };
      }
      const args = callee.function!.signature?.outputArg ?? [];
      const named = output === null ? undefined : args.findIndex((arg) => arg.name === output);
      const result = args[named === undefined || named < 0 ? index : named];
      if (result === undefined) throw malformed(`call ${def.name} has no output ${input}`);
      ({ scope, input } = { scope: callee, input: returned(callee.function!, result.name) });
    }
    throw malformed(`the input ${edge.input} refers to itself`);
  }

  private resolveAll(scope: Scope, inputs: readonly string[]): readonly TfRef[] {
    return inputs
      .filter((input) => !input.startsWith('^'))
      .map((input) => this.resolve({ scope, input }));
  }

  /** The nodes that must have run for a control input to be satisfied. */
  private control(edge: Edge): readonly TfNode[] {
    const nodes: TfNode[] = [];
    const edges = [edge];
    const seen = new Set<Scope | NodeDef>();
    for (let next = edges.pop(); next !== undefined; next = edges.pop()) {
      const { scope } = next;
      const { name } = parseInput(next.input);
      const bound = scope.args.get(name);
      if (bound !== undefined) {
        if ('node' in bound) nodes.push(bound.node);
        else edges.push(bound);
        continue;
      }
      const def = definition(scope, name);
      const callee = this.callee(scope, def);
      if (callee === null) {
        nodes.push(this.node(scope, def));
      } else if (!seen.has(callee)) {
        seen.add(callee);
        for (const input of callee.function!.controlRet.values())
          edges.push({ scope: callee, input });
        for (const input of def.input) if (input.startsWith('^')) edges.push({ scope, input });
      }
    }
    return nodes;
  }

  private node(scope: Scope, def: NodeDef): TfNode {
    const known = scope.nodes.get(def.name);
    if (known !== undefined) return known;
    if (++this.nodeCount > MAX_NODES) throw malformed(`the graph has over ${MAX_NODES} nodes`);
    const name = scope.prefix + def.name;
    const node = new LazyNode(
      name,
      def.op,
      new Attributes(substitute(def.attr, scope.callAttrs), name, def.op),
      () => this.resolveAll(scope, def.input),
      () =>
        def.input
          .filter((input) => input.startsWith('^'))
          .flatMap((input) => this.control({ scope, input })),
    );
    scope.nodes.set(def.name, node);
    return node;
  }

  /** The scope of the function that a node calls; null when the node is no call. */
  private callee(scope: Scope, def: NodeDef): Scope | null {
    const known = scope.calls.get(def.name);
    if (known !== undefined) return known;
    const data = def.input.filter((input) => !input.startsWith('^'));
    const target = this.target(scope, def, data);
    if (target === null) return null;
    if (scope.depth >= MAX_CALL_DEPTH) {
      throw new LinnetError(
        'UNSUPPORTED',
        `calls are nested over ${MAX_CALL_DEPTH} deep at ${target.name}: the function is recursive`,
        { node: scope.prefix + def.name, op: def.op },
        ['A .tflite graph cannot recurse; rewrite the recursion as a loop.'],
      );
    }
    const callee = callScope(
      this.function(target.name),
      `${scope.prefix}${def.name}/`,
      scope.depth + 1,
      target.inputs.map((input) => ({ scope, input })),
      target.attrs,
    );
    scope.calls.set(def.name, callee);
    return callee;
  }

  private target(
    scope: Scope,
    def: NodeDef,
    inputs: readonly string[],
  ): { readonly name: string; readonly inputs: readonly string[]; readonly attrs: Attrs } | null {
    const call = (attr: string) => def.attr.get(attr)?.func;
    if (CALL_OPS.has(def.op)) {
      const f = call('f');
      return f ? { name: f.name, inputs, attrs: f.attr } : null;
    }
    if (this.functions.has(def.op)) return { name: def.op, inputs, attrs: def.attr };
    if (IF_OPS.has(def.op) && inputs.length > 0) {
      const predicate = knownPredicate(this.resolve({ scope, input: inputs[0]! }).node, (node) => ({
        op: node.op,
        tensor: node.op === 'Const' ? node.attrs.tensor('value') : undefined,
        input: node.inputs[0]?.node,
      }));
      const f =
        predicate === undefined ? undefined : call(predicate ? 'then_branch' : 'else_branch');
      return f ? { name: f.name, inputs: inputs.slice(1), attrs: f.attr } : null;
    }
    return null;
  }

  private function(name: string): FunctionDef {
    const definition = this.functions.get(name);
    if (definition === undefined) throw malformed(`there is no function ${name} in the library`);
    return definition;
  }
}

/** A node whose inputs are resolved when they are first asked for. */
class LazyNode implements TfNode {
  private resolved: readonly TfRef[] | undefined;
  private awaited: readonly TfNode[] | undefined;

  constructor(
    readonly name: string,
    readonly op: string,
    readonly attrs: Attributes,
    private readonly resolveInputs: () => readonly TfRef[],
    private readonly resolveControls: () => readonly TfNode[],
  ) {}

  get inputs(): readonly TfRef[] {
    this.resolved ??= this.resolveInputs();
    return this.resolved;
  }

  get controls(): readonly TfNode[] {
    this.awaited ??= this.resolveControls();
    return this.awaited;
  }
}

function newScope(nodes: readonly NodeDef[]): Scope {
  const defs = new Map(nodes.map((node) => [node.name, node]));
  return {
    prefix: '',
    depth: 0,
    defs,
    decided: decidedConditionals(defs),
    args: new Map(),
    function: null,
    callAttrs: new Map(),
    nodes: new Map(),
    calls: new Map(),
  };
}

function callScope(
  definition: FunctionDef,
  prefix: string,
  depth: number,
  args: readonly (Edge | TfRef)[],
  callAttrs: Attrs,
): Scope {
  const parameters = definition.signature?.inputArg ?? [];
  if (parameters.length !== args.length) {
    throw malformed(
      `${prefix} passes ${args.length} arguments to ${definition.signature?.name}, which takes ${parameters.length}`,
    );
  }
  return {
    ...newScope(definition.node),
    prefix,
    depth,
    args: new Map(parameters.map(({ name }, index) => [name, args[index]!])),
    function: definition,
    callAttrs,
  };
}

function definition(scope: Scope, name: string): NodeDef {
  const def = scope.defs.get(name);
  if (def === undefined) throw malformed(`there is no node ${scope.prefix}${name}`);
  return def;
}

function returned(definition: FunctionDef, name: string): string {
  const input = definition.ret.get(name);
  if (input === undefined) {
    throw malformed(`the function ${definition.signature?.name} does not return ${name}`);
  }
  return input;
}

/** Attributes of a body may stand for attributes of the call: `placeholder` names them. */
function substitute(attrs: Attrs, callAttrs: Attrs): Attrs {
  if (callAttrs.size === 0) return attrs;
  const filled = new Map(attrs);
  for (const [name, { placeholder }] of attrs) {
    const value = placeholder === undefined ? undefined : callAttrs.get(placeholder);
    if (value !== undefined) filled.set(name, value);
  }
  return filled;
}
