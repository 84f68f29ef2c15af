import type { OpName } from '@linnet/schema';
import { storageBytes } from '../model/storage.js';
import type { Target } from '../plan/backend.js';
import type { LowerSite, Operand, PlanEmitter } from '../plan/lowering.js';
import { shareSlots } from '../plan/slots.js';
import { LOWERINGS } from './lower/index.js';
import { type Lowering, shaderEmitter } from './lowering.js';
import type { Traits } from './traits.js';
import type { Shader } from './wgsl/kernel.js';

/** Plans shaders for devices of some traits. */
export class ShaderTarget implements Target<Shader> {
  readonly name = 'webgpu';
  readonly fuses = new Set(['padding', 'activation'] as const);
  readonly layOut = shareSlots;

  constructor(readonly traits: Traits) {}

  isAlias(op: OpName): boolean {
    return lowering(op)?.alias === true;
  }

  supports(site: LowerSite<OpName>): boolean {
    const fits = (operand: Operand | null) =>
      operand === null || storageBytes(operand.type) <= this.traits.maxBindingBytes;
    return (
      [...site.inputs, ...site.outputs].every(fits) && lowering(site.op)?.supports(site) === true
    );
  }

  lower(site: LowerSite<OpName>, emit: PlanEmitter<Shader>): void {
    lowering(site.op)?.lower(site, shaderEmitter(emit, this.traits));
  }
}

/** How an op runs on the GPU; undefined where it does not. */
function lowering(op: OpName): Lowering<OpName> | undefined {
  return (LOWERINGS as { readonly [N in OpName]?: unknown })[op] as Lowering<OpName> | undefined;
}
