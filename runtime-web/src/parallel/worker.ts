/** A worker as the thread that has started it sees it, in browsers and in Node. */
import { LinnetError } from '../base.js';
import type { Workers } from '../wasm/kernels.js';
import type { ABORT, Answer, LoadRequest, RunRequest } from './messages.js';

/** Who is told what becomes of a worker. */
export interface Listener {
  receive(answer: Answer): void;
  /** The worker has ended by itself, and does not answer any more. */
  end(error: LinnetError): void;
}

/** How a worker is spoken to in one of the environments. */
interface Channel {
  /** @throws DOMException for what cannot be passed to a worker */
  send(message: LoadRequest | RunRequest | typeof ABORT, transfer?: readonly Transferable[]): void;
  /** Whether it keeps Node's process alive, as it does at first. */
  keepAlive(does: boolean): void;
  stop(): void;
}

export interface InstanceWorker extends Channel {
  listener: Listener;
}

/** @throws LinnetError of code ENVIRONMENT where there are no workers */
export function startWorker(workers: Workers, listener: Listener): InstanceWorker {
  const receive = (answer: Answer) => worker.listener.receive(answer);
  const end = (cause: unknown) => worker.listener.end(lost(cause));
  let channel: Channel;
  try {
    const inNode = workers.inNode();
    channel = inNode
      ? nodeChannel(inNode, receive, end)
      : browserChannel(workers.inBrowser(), receive, end);
  } catch (cause) {
    throw lost(cause);
  }
  const worker: InstanceWorker = { ...channel, listener };
  return worker;
}

type Receive = Listener['receive'];
type End = (cause: unknown) => void;
type NodeWorker = NonNullable<ReturnType<Workers['inNode']>>;

function nodeChannel(worker: NodeWorker, receive: Receive, end: End): Channel {
  worker.on('message', receive);
  for (const event of ['messageerror', 'error', 'exit']) worker.on(event, end);
  return {
    send: (message, transfer = []) => worker.postMessage(message, transfer as ArrayBuffer[]),
    keepAlive: (does) => (does ? worker.ref() : worker.unref()),
    stop: () => void worker.terminate(),
  };
}

function browserChannel(worker: Worker, receive: Receive, end: End): Channel {
  worker.onmessage = ({ data }: MessageEvent<Answer>) => receive(data);
  worker.onerror = end;
  worker.onmessageerror = end;
  return {
    send: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    keepAlive: () => {},
    stop: () => worker.terminate(),
  };
}

function lost(cause: unknown): LinnetError {
  return new LinnetError(
    'ENVIRONMENT',
    'A worker that runs the model did not start, or has ended by itself.',
    {},
    [
      'Serve instance.js beside the runtime (bundlers copy it when they see the Worker). Where memory is short, use fewer workers: each has weights of its own.',
    ],
    { cause },
  );
}
