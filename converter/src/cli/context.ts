import type { Console } from './console.js';

/** What every subcommand works with. */
export interface CommandContext {
  readonly console: Console;
  /** Fires when the user interrupts the program. */
  readonly signal: AbortSignal;
  /** Exit status when the command ends without an error; `verify` sets 1 past its tolerance. */
  status: number;
}
