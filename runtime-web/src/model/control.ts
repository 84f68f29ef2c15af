import type { checkCallees } from './callees.js';
import type { inlineComposites } from './inline.js';

/** What models take whose nodes call subgraphs. */
export interface ControlFlow {
  readonly checkCallees: typeof checkCallees;
  readonly inlineComposites: typeof inlineComposites;
}
