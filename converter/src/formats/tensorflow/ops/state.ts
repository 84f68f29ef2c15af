import type { TensorId } from '../../../graph/graph.js';
import type { Site, TfImport, TfOps } from '../site.js';
import { add, sub } from './compose.js';

/** Stores a value in the variable of input 0; TF1's ops return it as well. */
function store(site: Site, value: TensorId): TensorId {
  site.graph.writeVariable(site.node, 0, value);
  return value;
}

const assign: TfImport = (site) => store(site, site.input(1));
const assignAdd: TfImport = (site) =>
  store(site, add(site, site.graph.readVariable(site.node, 0), site.input(1)));
const assignSub: TfImport = (site) =>
  store(site, sub(site, site.graph.readVariable(site.node, 0), site.input(1)));
const conditional: TfImport = (site) => site.graph.conditional(site.node);
const loop: TfImport = (site) => site.graph.loop(site.node);

/** Variables and control flow. */
export const STATE: TfOps = {
  ReadVariableOp: (site) => site.graph.readVariable(site.node, 0),
  VarIsInitializedOp: (site) => site.scalar(1, 'bool'),
  Assign: assign,
  AssignVariableOp: assign,
  AssignAdd: assignAdd,
  AssignAddVariableOp: assignAdd,
  AssignSub: assignSub,
  AssignSubVariableOp: assignSub,
  If: conditional,
  StatelessIf: conditional,
  While: loop,
  StatelessWhile: loop,
};
