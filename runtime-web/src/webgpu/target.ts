import type { OpName } from '@linnet/schema';
import { storageBytes } from '../model/storage.js';
import type { DeviceTarget } from '../plan/backend.js';
import { divider } from '../plan/divide.js';
import type { LowerSite, Operand, PlanEmitter } from '../plan/lowering.js';
import { shareSlots } from '../plan/slots.js';
import { type Lowering, type ShaderLowerings, shaderEmitter } from './lowering.js';
import type { Traits } from './traits.js';
import type { Shader } from './wgsl/kernel.js';

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
  readonly divide = divider();

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
