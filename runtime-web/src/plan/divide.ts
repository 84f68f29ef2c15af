/** Dividing a stage's steps between two backends, where there are two. */
import { LinnetError, type OpName } from '@linnet/schema';
import type { GraphNode } from '../model/graph.js';
import { storageBytes } from '../model/storage.js';
import type { Target } from './backend.js';
import type { StageBuilder } from './lower.js';
import { Network } from './min-cut.js';
import type { Divide, PlacedStep, Run } from './place.js';
import type { Step, TensorTable } from './step.js';

/** What is there of Divide once this has been fetched. */
type DivideNow = (...site: Parameters<Divide>) => readonly Run[];

/**
 * Divides steps between the host's backend and a device, and orders them so that what runs on one
 * comes in few runs: whatever is ready on one backend goes first, before the other has its turn.
 *
 * Steps that the device has kernels for run there, but for those where the host takes less time than
 * having tensors pass to and fro. Steps that keep state of their own stay where they are in all plans of
 * a model; those that share it run on the host.
 *
 * @throws LinnetError of code UNSUPPORTED for a step that cannot stay
 */
export function divider(): DivideNow {
  /** Why state is kept on the host, null where the device keeps it, by its tensor and size. */
  const keepers = new Map<string, string | null>();
  return (steps, tensors, host, device) => {
    if (steps.length === 0) return [];
    const obstacles = steps.map((step) => {
      const obstacle = obstacleOf(step, tensors, host, device);
      const [state] = stateOf(step, tensors);
      if (state === undefined) return obstacle;
      const key = `${tensors.graph.index} ${state} ${tensors.type(state).shape}`;
      const kept = keepers.has(key) ? (keepers.get(key) as string | null) : obstacle;
      keepers.set(key, kept);
      if (kept === null && obstacle !== null) throw cannotFollow(step.node, obstacle);
      return kept;
    });
    return divideBy(obstacles, steps, tensors, host, device);
  };
}

function cannotFollow({ name, op }: GraphNode, obstacle: string): LinnetError {
  const message = `The GPU keeps the node's state, but has ${obstacle} with inputs of these sizes.`;
  return new LinnetError('UNSUPPORTED', message, { node: name, op }, [
    'Pass shorter sequences, or use the backend "wasm".',
  ]);
}

function divideBy(
  obstacles: readonly (string | null)[],
  ...[steps, tensors, host, device]: Parameters<Divide>
): readonly Run[] {
  const onDevice = cheapest(steps, obstacles, tensors, device);
  const placed = steps.map((step, at): PlacedStep => {
    const whyOnHost = obstacles[at] ?? (onDevice.has(step) ? null : 'sooner done than handed over');
    return { ...step, whyOnHost };
  });
  const targets = new Map(
    placed.map((step) => [step, step.whyOnHost === null ? device.target : host.target]),
  );
  const orders = [device, host].map((first) => inRuns(placed, tensors, targets, first.target));
  return orders.reduce((best, order) => (order.length < best.length ? order : best));
}

/** Why a step cannot run on the device or had better not; null where it can. */
function obstacleOf(
  step: Step,
  tensors: TensorTable,
  host: StageBuilder,
  device: StageBuilder,
): string | null {
  if (stateOf(step, tensors).some((tensor) => usesOf(tensor, tensors) > 1)) return 'shares state';
  const support = device.support(step);
  if (support === 'native') return null;
  if (support === 'unsupported') return 'no shader for it';
  return host.support(step) === 'native' ? 'no shader for its element types' : null;
}

/** The tensors that keep their value between runs which a step reads and updates. */
function stateOf({ node }: Step, tensors: TensorTable): readonly number[] {
  return node.inputs.filter((tensor) => tensor >= 0 && tensors.isVariable(tensor));
}

/** How often nodes, and the graph's caller, read a tensor. */
function usesOf(tensor: number, { graph }: TensorTable): number {
  const reads = [...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs];
  return reads.filter((read) => read === tensor).length;
}

/** Nanoseconds that handing a tensor over takes whatever its size, and for each byte. */
const HANDING_OVER_NS = 100_000;
const HANDING_OVER_NS_PER_BYTE = 0.25;

/** Nanoseconds of the host's kernels for each element that they read or write, and multiply-add. */
const HOST_NS_PER_ELEMENT = 1;
const HOST_NS_PER_MULTIPLY_ADD = 0.1;

/**
 * The steps that run on the device when handing over costs least, together with what the host takes for
 * steps that the device could have run: a minimum cut between both.
 */
function cheapest(
  steps: readonly Step[],
  obstacles: readonly (string | null)[],
  tensors: TensorTable,
  device: StageBuilder,
): ReadonlySet<Step> {
  if (obstacles.every((obstacle) => obstacle === null)) return new Set(steps);
  const network = new Network();
  const nodeOf = new Map<Step, number>();
  const makers = new Map<number, Step>();
  const readers = new Map<number, Step[]>();
  steps.forEach((step, at) => {
    const node = network.addNode();
    nodeOf.set(step, node);
    if (obstacles[at] !== null) network.addEdge(node, 1, Number.POSITIVE_INFINITY);
    else network.addEdge(0, node, hostCost(step, tensors, device));
    for (const tensor of step.node.outputs) makers.set(tensor, step);
    for (const tensor of step.node.inputs) {
      readers.set(tensor, [...(readers.get(tensor) ?? []), step]);
    }
  });
  for (const [tensor, maker] of makers) {
    const bytes = storageBytes(tensors.type(tensor));
    const cost = HANDING_OVER_NS + HANDING_OVER_NS_PER_BYTE * bytes;
    const made = nodeOf.get(maker) as number;
    // However many read it, a tensor is handed over once.
    const [down, up] = [network.addNode(), network.addNode()];
    network.addEdge(made, down, cost);
    network.addEdge(up, made, cost);
    for (const reader of readers.get(tensor) ?? []) {
      network.addEdge(down, nodeOf.get(reader) as number, Number.POSITIVE_INFINITY);
      network.addEdge(nodeOf.get(reader) as number, up, Number.POSITIVE_INFINITY);
    }
  }
  const withHost = network.withSink();
  return new Set(steps.filter((step) => !withHost.has(nodeOf.get(step) as number)));
}

/** What running a step on the host costs that the device could have run; state does not move. */
function hostCost(step: Step, tensors: TensorTable, device: StageBuilder): number {
  if (stateOf(step, tensors).length > 0) return Number.POSITIVE_INFINITY;
  return device.isAlias(step) ? 0 : hostNanoseconds(step, tensors);
}

/** About how long the host's kernels take for a step. */
function hostNanoseconds({ node }: Step, tensors: TensorTable): number {
  const elements = (tensor: number) =>
    tensor < 0 ? 0 : tensors.type(tensor).shape.reduce((product, dim) => product * dim, 1);
  const sum = (list: readonly number[]) => list.reduce((total, each) => total + elements(each), 0);
  const moved = HOST_NS_PER_ELEMENT * (sum(node.inputs) + sum(node.outputs));
  if (!PRODUCTS.includes(node.op)) return moved;
  // Each output element is a sum over the weights of one of as many columns as it has channels.
  const [output, weights] = [node.outputs[0] as number, node.inputs[1] as number];
  const columns = tensors.type(output).shape.at(-1) ?? 1;
  return moved + (HOST_NS_PER_MULTIPLY_ADD * elements(output) * elements(weights)) / columns;
}

/** Ops that multiply much more than they move. */
const PRODUCTS: readonly OpName[] = [
  'CONV_2D',
  'CONV_3D',
  'TRANSPOSE_CONV',
  'FULLY_CONNECTED',
  'BATCH_MATMUL',
];

/** The steps in runs, beginning with what is ready on `first`. */
function inRuns(
  steps: readonly PlacedStep[],
  tensors: TensorTable,
  targets: ReadonlyMap<PlacedStep, Target>,
  first: Target,
): readonly Run[] {
  const waitsFor = dependencies(steps, tensors);
  const done = new Set<Step>();
  const runs: Run[] = [];
  let left = steps;
  let target = first;
  while (left.length > 0) {
    const run: PlacedStep[] = [];
    // Steps are in an order of dependence, so one pass finds all that become ready.
    left = left.filter((step) => {
      const isReady =
        targets.get(step) === target &&
        (waitsFor.get(step) ?? []).every((other) => done.has(other));
      if (!isReady) return true;
      done.add(step);
      run.push(step);
      return false;
    });
    if (run.length > 0) runs.push({ target, steps: run });
    target = [...new Set(targets.values())].find((other) => other !== target) ?? target;
  }
  return runs;
}

/** The steps whose results, or whose turn with some state, each step waits for. */
function dependencies(
  steps: readonly Step[],
  tensors: TensorTable,
): ReadonlyMap<Step, readonly Step[]> {
  const latest = new Map<number, Step>();
  return new Map(
    steps.map((step) => {
      const waits = step.node.inputs.flatMap((tensor) => latest.get(tensor) ?? []);
      for (const tensor of step.node.outputs) latest.set(tensor, step);
      for (const tensor of step.node.inputs) {
        if (tensor >= 0 && tensors.isVariable(tensor)) latest.set(tensor, step);
      }
      return [step, waits];
    }),
  );
}
