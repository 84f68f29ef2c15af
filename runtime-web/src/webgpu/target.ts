import type { OpName } from '@linnet/schema';
import { storageBytes } from '../model/storage.js';
import type { DeviceTarget } from '../plan/backend.js';
import type { LowerSite, Operand, PlanEmitter } from '../plan/lowering.js';
import { type Divide, inOneRun } from '../plan/place.js';
import { shareSlots } from '../plan/slots.js';
import { type Lowering, type ShaderLowerings, shaderEmitter } from './lowering.js';
import { placementCode } from './placement-code.js';
import type { Traits } from './traits.js';
import type { Shader } from './wgsl/kernel.js';

type Placement = Awaited<ReturnType<typeof placementCode>>;

/** Plans shaders for devices of some traits. */
export class ShaderTarget implements DeviceTarget<Shader> {
  readonly name = 'webgpu';
  readonly fuses = new Set([
    'padding',
    'activation',
    'normalization',
    'gatesInput',
    'attention',
  ] as const);
  readonly layOut = shareSlots;
  readonly divide: Divide = async (...site) => {
    const [steps, tensors, , device] = site;
    const isWhole = steps.every(
      (step) =>
        device.support(step) === 'native' &&
        !step.node.inputs.some((tensor) => tensors.isVariable(tensor)),
    );
    if (isWhole) return inOneRun(steps, this);
    this.#divider ??= placementCode().then(({ divider }) => divider());
    return (await this.#divider)(...site);
  };
  /** Made when a plan first takes it: it keeps in mind where state is. */
  #divider: Promise<ReturnType<Placement['divider']>> | null = null;

  constructor(
    readonly traits: Traits,
    readonly lowerings: ShaderLowerings,
  ) {}

  isAlias(op: OpName): boolean {
    return this.#lowering(op)?.alias === true;
  }

  supports(site: LowerSite<OpName>): boolean {
    const fits = (operand: Operand | null) =>
      operand === null || storageBytes(operand.type) <= this.traits.maxBindingBytes;
    return (
      [...site.inputs, ...site.outputs].every(fits) &&
      this.#lowering(site.op)?.supports(site) === true
    );
  }

  lower(site: LowerSite<OpName>, emit: PlanEmitter<Shader>): void {
    this.#lowering(site.op)?.lower(site, shaderEmitter(emit, this.traits));
  }

  /** Undefined for an op that has no shaders. */
  #lowering(op: OpName): Lowering<OpName> | undefined {
    return this.lowerings[op] as Lowering<OpName> | undefined;
  }
}
