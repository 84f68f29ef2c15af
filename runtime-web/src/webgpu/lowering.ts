/** How lowerings emit compute shaders. */
import type { OpName } from '@linnet/schema';
import type {
  Fused,
  LowerSite,
  PlanEmitter,
  Lowering as PlanLowering,
  Workspace,
} from '../plan/lowering.js';
import type { IntegerShaders } from './lower/integers.js';
import type { Traits } from './traits.js';
import { assemble, type Kernel, type Shader } from './wgsl/kernel.js';

export interface Emitter extends Workspace {
  /** What the device can do, for choosing between kernels. */
  readonly traits: Traits;
  /** Appends a run of a kernel. */
  run(kernel: Kernel): void;
  /** The candidate of a decision that the node's kernels are to follow. */
  readonly choose: PlanEmitter['choose'];
}

export type Lowering<N extends OpName> = PlanLowering<N, Emitter>;

/** What takes sites into which planning has folded `part`, and what takes others. */
export function foldedOr<N extends OpName>(
  part: keyof Fused,
  folded: Lowering<N>,
  plain: Lowering<N>,
): Lowering<N> {
  const of = (site: LowerSite<N>) => (site.fused[part] === undefined ? plain : folded);
  return {
    supports: (site) => of(site).supports(site),
    lower: (site, emit) => of(site).lower(site, emit),
  };
}

/** How ops run on the GPU; those that are left out run on the host's backend. */
export type ShaderLowerings = { readonly [N in OpName]?: Lowering<N> };

/** The shaders of a family, given those for integers for models that have some. */
export type ShaderFamily = (integers: IntegerShaders | null) => ShaderLowerings;

export function shaderEmitter(plan: PlanEmitter<Shader>, traits: Traits): Emitter {
  return {
    traits,
    run: (kernel) => {
      const shader = assemble(kernel, traits);
      plan.call(shader, shader.refs);
    },
    scratch: plan.scratch,
    constant: plan.constant,
    choose: plan.choose,
  };
}
