/** The nodes that the host carries out between programs: control flow and variables. */
import { LinnetError, type TensorType } from '@linnet/schema';
import type { Graph } from '../model/graph.js';
import type { Resources } from '../model/resources.js';
import { storageBytes } from '../model/storage.js';
import type { HostNode } from '../plan/infer.js';
import { formatShape } from './describe.js';
import type { HostValue } from './frame.js';

/** A node, and what carrying it out takes. */
export interface HostSite {
  readonly node: HostNode;
  /** The graph of the node. */
  readonly graph: Graph;
  /** In the host's memory; null for those that the node leaves out. */
  readonly inputs: readonly (HostValue | null)[];
  readonly graphs: readonly Graph[];
  readonly resources: Resources;
  /** Runs a graph, to its outputs. */
  run(index: number, inputs: readonly HostValue[]): Promise<readonly HostValue[]>;
  /** Gives the event loop its turn when it is time; throws what ends the run. */
  takeTurn(): Promise<void>;
}

/**
 * The node's outputs.
 *
 * @throws LinnetError of code INVALID_MODEL, and what running graphs throws
 */
export async function carryOut(site: HostSite): Promise<readonly HostValue[]> {
  const { node, resources } = site;
  const inputs = site.inputs.map((value, i) => {
    if (value === null) throw invalidNode(site, `leaves out input ${i}`);
    return value;
  });
  const call = (index: number, values: readonly HostValue[]) =>
    site.run(index, argumentsOf(site, index, values));
  const handle = () => {
    const { bytes } = inputs[0] as HostValue;
    if (bytes.length !== 4) throw invalidNode(site, 'takes one variable');
    return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
  };
  switch (node.op) {
    case 'IF': {
      const { thenSubgraphIndex, elseSubgraphIndex } = node.options;
      return call(isTrue(inputs[0]) ? thenSubgraphIndex : elseSubgraphIndex, inputs.slice(1));
    }
    case 'WHILE': {
      let values: readonly HostValue[] = inputs;
      while (isTrue((await call(node.options.condSubgraphIndex, values))[0])) {
        values = await call(node.options.bodySubgraphIndex, values);
        await site.takeTurn();
      }
      return values;
    }
    case 'CALL_ONCE': {
      const { initSubgraphIndex } = node.options;
      if (resources.startOnce(initSubgraphIndex)) await call(initSubgraphIndex, []);
      return [];
    }
    case 'READ_VARIABLE': {
      const output = site.graph.tensors[node.outputs[0] as number]?.type as TensorType;
      // A variable that nothing has assigned yet holds zeros of its declared type.
      const { type, bytes } = resources.get(handle()) ?? {
        type: output,
        bytes: new Uint8Array(storageBytes(output)),
      };
      if (type.dtype !== output.dtype) {
        throw invalidNode(site, `reads ${output.dtype} from a variable of ${type.dtype}`);
      }
      return [{ type, bytes }];
    }
    case 'ASSIGN_VARIABLE': {
      const { type, bytes } = inputs[1] as HostValue;
      resources.set(handle(), { type, bytes: bytes.slice() });
      return [];
    }
  }
}

/** How an executor has nodes carried out. */
export type CarryOut = typeof carryOut;

/** The values under the called graph's own types; the shapes are the caller's. */
function argumentsOf(
  { node, graphs }: HostSite,
  index: number,
  values: readonly HostValue[],
): readonly HostValue[] {
  const callee = graphs[index] as Graph;
  return callee.inputs.map((tensor, i) => {
    const declared = callee.tensors[tensor]?.type as TensorType;
    const { type, bytes } = values[i] as HostValue;
    if (declared.dtype !== type.dtype) {
      throw new LinnetError(
        'INVALID_MODEL',
        `The called graph takes ${declared.dtype} as input ${i}, but is given ${type.dtype}${formatShape(type.shape)}.`,
        { subgraph: callee.name, node: node.name, op: node.op },
      );
    }
    return { type: { ...declared, shape: type.shape }, bytes };
  });
}

function isTrue(value: HostValue | undefined): boolean {
  return value?.bytes[0] === 1;
}

function invalidNode({ node, graph }: HostSite, what: string): LinnetError {
  const where = { subgraph: graph.name, node: node.name, op: node.op };
  return new LinnetError('INVALID_MODEL', `The node ${what}.`, where);
}
