import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OpName } from '@linnet/schema';
import { apply, assertSame, type Build, graphOf, opsOf } from './net.js';

/** One rule with a graph that it fits and graphs that nearly do. */
export interface RuleCase {
  readonly rule: string;
  readonly fits: Build;
  /** The ops that are left, in order. */
  readonly leaves: readonly OpName[];
  /** Graphs that the rule must leave alone, by what keeps it from fitting. */
  readonly misses: Readonly<Record<string, Build>>;
  /** How far results may be from what they were, relative to the largest. */
  readonly tolerance?: number;
}

/** Tests that each rule fits where it should, leaves alone what it should, and keeps results. */
export function ruleSuite(name: string, cases: readonly RuleCase[]): void {
  suite(name, () => {
    for (const { rule, fits, leaves, misses, tolerance } of cases) {
      test(`${rule}: leaves ${leaves.join(', ') || 'nothing'}`, () => {
        const graph = graphOf(fits);
        const log = apply(graph, [rule]);
        assert.ok(
          log.records.some((record) => record.rule === rule),
          `${rule} did not fire`,
        );
        assert.deepEqual(opsOf(graph), leaves);
        assertSame(graphOf(fits), graph, tolerance);
      });
      for (const [why, build] of Object.entries(misses)) {
        test(`${rule} leaves alone: ${why}`, () => {
          const graph = graphOf(build);
          const before = opsOf(graph);
          const log = apply(graph, [rule]);
          assert.deepEqual(
            log.records.map((record) => record.rule).filter((name) => name === rule),
            [],
          );
          assert.deepEqual(opsOf(graph), before);
        });
      }
    }
  });
}
