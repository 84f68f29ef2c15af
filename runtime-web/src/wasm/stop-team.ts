import { TEAM, TEAM_BYTES } from './abi.js';

/** Ends a team: threads stop waiting and leave. */
export function stopTeam(memory: WebAssembly.Memory, team: number): void {
  const words = new Int32Array(memory.buffer, team, TEAM_BYTES / 4);
  Atomics.store(words, TEAM.stopped, 1);
  for (const word of [TEAM.epoch, TEAM.phase]) {
    // A change of the word, too: a thread may be on its way to sleep.
    Atomics.add(words, word, 1);
    Atomics.notify(words, word);
  }
}
