/** A thread: joins the team it is told of and works until the team is stopped. */
import { nodeModule } from '../io/node.js';
import { instantiate, type WorkerTask } from './abi.js';
import { stopTeam } from './stop-team.js';

const port = nodeModule('node:worker_threads')?.parentPort;

function join(
  { module, memory, team, thread, stack, timeOrigin }: WorkerTask,
  ready: () => void,
): void {
  const kernels = instantiate(module, memory, timeOrigin);
  kernels.__stack_pointer.value = stack;
  ready();
  try {
    kernels.work(team, thread);
  } catch {
    // A trap: the caller of `run` must not wait for this thread, and reports it.
    stopTeam(memory, team);
  }
}

if (port) {
  port.once('message', (task: WorkerTask) => join(task, () => port.postMessage('ready')));
} else {
  globalThis.onmessage = ({ data }: MessageEvent<WorkerTask>) => {
    join(data, () => globalThis.postMessage('ready'));
    globalThis.close();
  };
}
