import type { ConvertReport } from '../convert.js';
import type { Pruning } from '../prune/index.js';
import { modePrecision, PRECISIONS } from '../quantize/index.js';

/** What a conversion chose and why, for people: a line each. */
export function describeChoices(report: ConvertReport): readonly string[] {
  const { format, pruning, quantization, quantized, recovery, floatNodes, rules } = report;
  const rewrites = rules.reduce((sum, { applications }) => sum + applications, 0);
  return [
    `read as ${format}; ${rewrites} rewrites by ${rules.length} rules, ` +
      `${report.before.nodes} ops became ${report.after.nodes}`,
    ...(pruning === null ? [] : [describePruning(pruning)]),
    `numbers: ${quantization}${quantized.length > 0 ? `, ${quantized.length} weight tensors quantized` : ''}`,
    ...describeWide(report),
    ...recovery.flatMap(({ signature, step, changed, kept, before, after }) => {
      if (changed === null) return [];
      const gain = `${before.sqnr.toFixed(2)} -> ${after.sqnr.toFixed(2)} dB on samples held back`;
      return [
        `recovery of ${signature}: ${step}, ${changed}, ${kept ? 'kept' : 'dropped'}: ${gain}`,
      ];
    }),
    ...floatNodes.map(({ op, node, reason }) => `${op} ${node} stays float32: ${reason}`),
    ...report.notes,
  ];
}

/** Which weights are int8 where the mode has int4 ones: a line, or none. */
export function describeWide({ quantization, quantized }: ConvertReport): readonly string[] {
  if (PRECISIONS[modePrecision(quantization)].weights !== 'int4') return [];
  const wide = quantized.filter(({ dtype }) => dtype === 'int8').map(({ node }) => node);
  if (wide.length === 0) return [];
  return [
    `int8 weights in place of int4 in ${wide.length} layers with fewer than 32 weights for an output, or that ` +
      `kernels read no int4 of: ${wide.join(', ')}`,
  ];
}

function describePruning({ zeros, pattern, method, uniform }: Pruning): string {
  const share = uniform ? 'of each layer' : 'of all, by how much each layer bears';
  return `pruned: ${(100 * zeros).toFixed(1)} % ${share}, pattern ${pattern}, method ${method}`;
}
