import cliProgress from 'cli-progress';
import type { Console } from './console.js';

/** Tells how far a command is: a bar on a terminal, one line per stage otherwise. */
export interface Progress {
  /** `done` of `total` units of `stage`; a total of 0 means that it is not known. */
  update(stage: string, done: number, total: number): void;
  /** Clears the bar; called before results or errors are printed. */
  stop(): void;
}

export function createProgress(console: Console): Progress {
  return console.messages.isTTY ? barProgress(console) : lineProgress(console);
}

function lineProgress(console: Console): Progress {
  let current = '';
  return {
    update(stage) {
      // A stage may tell details behind a colon; a log needs a line for each stage only.
      const [main] = stage.split(':');
      if (main === current) return;
      current = main;
      console.say(`linnet: ${main}`);
    },
    stop() {},
  };
}

function barProgress(console: Console): Progress {
  const bar = new cliProgress.SingleBar({
    format: '{stage} {bar} {percentage}%',
    stream: console.messages,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 30,
  });
  let started = false;
  return {
    update(stage, done, total) {
      const [value, end] = total > 0 ? [done, total] : [0, 1];
      if (!started) {
        bar.start(end, value, { stage });
        started = true;
      }
      bar.setTotal(end);
      bar.update(value, { stage });
    },
    stop() {
      if (started) bar.stop();
      started = false;
    },
  };
}
