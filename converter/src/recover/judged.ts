import type { OpName } from '@linnet/schema';
import type { Graph, Program, TensorId } from '../graph/graph.js';

/** Ops that press scores into a range, where quantized ones are coarse and small differences vanish. */
const SQUASHING: readonly OpName[] = ['SOFTMAX', 'LOGISTIC', 'LOG_SOFTMAX'];

/** A program that gives, beside its outputs, what errors are measured by. */
export interface JudgedProgram {
  readonly program: Program;
  /** Names of the outputs of the signature by which errors are measured. */
  readonly outputs: readonly string[];
}

/**
 * Makes scores outputs of a signature's graph where the output itself is their softmax or the like.
 *
 * @param program whose graph at `index` is changed
 */
export function judgedProgram(program: Program, index: number, signature: string): JudgedProgram {
  const graph = program.graphs[index]!;
  const found = program.signatures.find(({ key }) => key === signature)!;
  const outputs = [...graph.outputs];
  const names = [...found.outputNames];
  const judged = graph.outputs.map((id, position) => {
    const scores = scoresOf(graph, id);
    if (scores === id) return names[position]!;
    outputs.push(scores);
    return names[names.push(`scores of ${names[position]}`) - 1]!;
  });
  graph.outputs = outputs;
  const signatures = program.signatures.map((other) => {
    if (other.graph !== graph) return other;
    const own = [...other.outputNames, ...names.slice(other.outputNames.length)];
    return { ...other, outputNames: own };
  });
  return { program: { ...program, signatures }, outputs: judged };
}

function scoresOf(graph: Graph, id: TensorId): TensorId {
  const producer = graph.producer(id);
  const isSquashed = producer !== undefined && SQUASHING.includes(producer.op);
  return isSquashed ? scoresOf(graph, producer.inputs[0]!) : id;
}
