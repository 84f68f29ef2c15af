/** The driver: fixpoints, loops, bisection, cancelling, and what it records. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LinnetError } from '@linnet/schema';
import { checkGraph, violations } from '../../../converter/dist/graph/check.js';
import type { Graph } from '../../../converter/dist/graph/graph.js';
import { PatchBuilder } from '../../../converter/dist/graph/patch.js';
import { formatRules } from '../../../converter/dist/passes/explain.js';
import { PHASES } from '../../../converter/dist/passes/index.js';
import { defineRule, type Rule } from '../../../converter/dist/passes/rule.js';
import { apply, applyPhases, assertSame, type Build, graphOf, opsOf } from './net.js';

const chain: Build = (n) => {
  let x = n.input(2, 3);
  for (let i = 0; i < 6; i++) x = n.op('NEG', [x]);
  return x;
};

/** Makes one op into another, with the same inputs. */
const swap = (from: 'ABS' | 'NEG' | 'EXP', to: 'ABS' | 'NEG' | 'EXP'): Rule =>
  defineRule({
    name: `${from} to ${to}`,
    rewrite: `${from} -> ${to}`,
    roots: [from],
    apply(graph, node) {
      const patch = new PatchBuilder(graph, node);
      return patch.replace(node.outputs[0]!, patch.node(to, node.inputs)).done();
    },
  });

/** Makes a graph longer each time. */
const grow = defineRule({
  name: 'grow',
  rewrite: '-x -> -(-(-x))',
  roots: ['NEG'],
  apply(graph, node) {
    const patch = new PatchBuilder(graph, node);
    const inner = patch.node('NEG', [patch.node('NEG', node.inputs)]);
    return patch.replace(node.outputs[0]!, patch.node('NEG', [inner])).done();
  },
});

const run = (graph: Graph, rules: readonly Rule[]) => applyPhases(graph, [{ name: 'odd', rules }]);

suite('driver', () => {
  test('runs to a fixpoint', () => {
    const graph = graphOf(chain);
    apply(graph, ['remove-involution']);
    assert.deepEqual(opsOf(graph), []);
  });

  test('stops after a number of rewrites and names the last one', () => {
    const whole = apply(graphOf(chain), ['remove-involution']);
    for (let stopAfter = 0; stopAfter <= whole.applications; stopAfter++) {
      const graph = graphOf(chain);
      const log = apply(graph, ['remove-involution'], { stopAfter });
      assert.equal(log.applications, stopAfter);
      assert.equal(log.last, stopAfter === 0 ? null : 'remove-involution');
      assertSame(graphOf(chain), graph);
    }
  });

  test('finds rules that undo each other', () => {
    const rules = [swap('ABS', 'NEG'), swap('NEG', 'EXP'), swap('EXP', 'ABS')];
    assert.throws(
      () =>
        run(
          graphOf((n) => n.op('ABS', [n.input(2)])),
          rules,
        ),
      (error) =>
        error instanceof LinnetError &&
        error.code === 'INTERNAL' &&
        error.message.includes('phase odd do not settle') &&
        error.notes.some((note) => note.includes('ABS to NEG')),
    );
  });

  test('finds a rule that never comes to an end', () => {
    assert.throws(
      () =>
        run(
          graphOf((n) => n.op('NEG', [n.input(2)])),
          [grow],
        ),
      (error) => error instanceof LinnetError && error.message.includes('never come to an end'),
    );
  });

  test('names the rule that breaks a graph', () => {
    const broken = defineRule({
      name: 'broken',
      rewrite: 'x -> nothing',
      roots: ['ABS'],
      apply(graph, node) {
        return {
          tensors: [],
          nodes: [],
          replacements: new Map([[node.outputs[0]!, graph.nextIds.tensor - 1]]),
        };
      },
    });
    assert.throws(
      () =>
        run(
          graphOf((n) => n.op('NEG', [n.op('ABS', [n.input(2)])])),
          [broken],
        ),
      (error) => error instanceof LinnetError && error.message.includes('rule broken'),
    );
  });

  test('stops when the signal fires', () => {
    const signal = AbortSignal.abort();
    assert.throws(
      () => apply(graphOf(chain), ['remove-involution'], { signal }),
      (error) => error instanceof LinnetError && error.code === 'ABORTED',
    );
  });

  test('records what each rule saved', () => {
    const graph = graphOf((n) => {
      const conv = n.op('CONV_2D', [n.input(1, 4, 4, 2), n.floats([3, 3, 3, 2]), n.floats([3])], {
        strideH: 1,
        strideW: 1,
        padding: 1,
      });
      return n.op('MUL', [conv, n.floats([1, 1, 1, 3])]);
    });
    const log = apply(graph, ['fold-scale-and-bias-after']);
    assert.deepEqual(log.records, [
      {
        rule: 'fold-scale-and-bias-after',
        rewrite: 'conv(x, w, b)*s + t -> conv(x, w*s, b*s + t)',
        rounds: true,
        applications: 1,
        nodes: 1,
        bytes: 12,
        macs: 0,
      },
    ]);
    assert.match(formatRules(log.records), /^rule +times .*\nfold-scale-and-bias-after +1 +1 +12 /);
  });

  test('removes what nothing reads, but for nodes with effects', () => {
    const graph = graphOf((n) => {
      const x = n.input(2);
      n.op('EXP', [n.op('ABS', [x])]);
      const handle = n.op(
        'VAR_HANDLE',
        [],
        { sharedName: 'v' },
        { outputs: [{ dtype: 'resource', shape: [] }] },
      );
      n.ops('ASSIGN_VARIABLE', [handle, x]);
      n.ops('WHILE', [x], {}, { outputs: [{ dtype: 'float32', shape: [2] }] });
      return n.op('NEG', [x]);
    });
    applyPhases(graph, []);
    assert.deepEqual(opsOf(graph), ['VAR_HANDLE', 'ASSIGN_VARIABLE', 'WHILE', 'NEG']);
  });
});

suite('rules', () => {
  test('have names of their own, and a rewrite to show', () => {
    const rules = new Set(PHASES.flatMap((phase) => phase.rules));
    assert.equal(new Set([...rules].map(({ name }) => name)).size, rules.size);
    for (const { name, rewrite } of rules) {
      assert.match(name, /^[a-z0-9-]+$/);
      assert.match(rewrite, /->/);
    }
  });
});

suite('checker', () => {
  const broken: Readonly<Record<string, readonly [RegExp, (graph: Graph) => void]>> = {
    'a node before its producer': [
      /reads .* before a node makes it/,
      (graph) => {
        const [first, second] = [...graph.nodes];
        graph.deleteNode(first!.id);
        graph.addNode(first!);
        assert.ok(second);
      },
    ],
    'a wrong type': [
      /inferred is float32\[2\]/,
      (graph) => graph.setTensor({ ...graph.tensor(graph.outputs[0]!), shape: [3] }),
    ],
    'a constant of the wrong size': [
      /with 3 bytes/,
      (graph) =>
        graph.setTensor({
          id: 99,
          name: 'c',
          dtype: 'float32',
          shape: [2],
          data: new Uint8Array(3),
          isVariable: false,
        }),
    ],
    'a tensor that nothing makes': [
      /dangles/,
      (graph) =>
        graph.setTensor({
          id: 99,
          name: 'c',
          dtype: 'float32',
          shape: [2],
          data: null,
          isVariable: false,
        }),
    ],
    'a wrong number of inputs': [
      /has 2 inputs/,
      (graph) => {
        const [node] = graph.nodes;
        graph.replaceNode({ ...node!, inputs: [...node!.inputs, ...node!.inputs] });
      },
    ],
  };
  for (const [name, [message, breakIt]] of Object.entries(broken)) {
    test(`finds ${name}`, () => {
      const graph = graphOf((n) => n.op('NEG', [n.op('ABS', [n.input(2)])]));
      assert.deepEqual(violations(graph), []);
      breakIt(graph);
      assert.match(violations(graph).join('\n'), message);
      assert.throws(() => checkGraph(graph), LinnetError);
    });
  }
});
