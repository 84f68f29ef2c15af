import type { Handovers, OpSupport } from '../api.js';
import type { ArenaLayout, PlannedNode, Stage, Support } from '../plan/plan.js';

/** The working memory of each part of a stage. */
export function arenasOf({ parts }: Stage): readonly ArenaLayout[] {
  return parts.map(({ program }) => program.arena);
}

/** What passes between the backends of a stage in one run. */
export function handoversOf({ parts }: Stage): Handovers {
  const device = parts.find(({ target }) => target.name === 'webgpu');
  const segments = device?.program.segments ?? [];
  const ports = segments.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  return { tensors: ports.length, bytes: ports.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Nodes by op, in the order in which the ops first appear. */
export function countSupport(nodes: readonly PlannedNode[]): readonly OpSupport[] {
  const ops = [...new Set(nodes.map(({ op }) => op))];
  return ops.map((op) => {
    const mine = nodes.filter((node) => node.op === op);
    const count = (support: Support) => mine.filter((node) => node.support === support).length;
    return {
      op,
      native: count('native'),
      viaFloat32: count('via-float32'),
      unsupported: count('unsupported'),
      onGpu: mine.filter(({ backend }) => backend === 'webgpu').length,
      whyNotOnGpu: [...new Set(mine.flatMap(({ whyOnHost }) => whyOnHost ?? []))],
    };
  });
}
