import type { ConvertReport } from '../convert.js';

/** What a conversion chose and why, for people: a line each. */
export function describeChoices(report: ConvertReport): readonly string[] {
  const { format, quantization, quantized, floatNodes, rules } = report;
  const rewrites = rules.reduce((sum, { applications }) => sum + applications, 0);
  return [
    `read as ${format}; ${rewrites} rewrites by ${rules.length} rules, ` +
      `${report.before.nodes} ops became ${report.after.nodes}`,
    `numbers: ${quantization}${quantized.length > 0 ? `, ${quantized.length} weight tensors quantized` : ''}`,
    ...floatNodes.map(({ op, node, reason }) => `${op} ${node} stays float32: ${reason}`),
    ...report.notes,
  ];
}
