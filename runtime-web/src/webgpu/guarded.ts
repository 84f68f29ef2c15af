import { LinnetError } from '@linnet/schema';
import { TURN_MS, takeTurn } from '../base.js';

const SCOPES = ['validation', 'out-of-memory'] as const;

/**
 * Does something with a device, which says later what it refuses and meanwhile goes on with nothing in its
 * place. All that the device is asked for comes before the first thing that `task` waits for.
 *
 * @throws LinnetError of code OUT_OF_MEMORY, or INTERNAL where something else was refused
 */
export async function guarded<T>(device: GPUDevice, task: () => Promise<T>): Promise<T> {
  for (const scope of SCOPES) device.pushErrorScope(scope);
  // What it throws at once is thrown when the scopes are closed, too.
  const done = (async () => task())();
  done.catch(() => {});
  // A device that is lost has nothing to say.
  const popped = SCOPES.map(() => device.popErrorScope().catch(() => null));
  const error = (await Promise.all(popped)).find((each) => each !== null);
  if (error) throw refusal(error);
  return done;
}

/** Does guarded work that yields wherever it may be interrupted, in turns. */
export async function guardedTurns<T>(device: GPUDevice, work: Generator<void, T>): Promise<T> {
  for (;;) {
    const { done, value } = await guarded(device, async () => {
      const end = performance.now() + TURN_MS;
      let step = work.next();
      while (!step.done && performance.now() < end) step = work.next();
      return step;
    });
    if (done) return value;
    await takeTurn();
  }
}

function refusal(error: GPUError): LinnetError {
  return error.constructor.name === 'GPUOutOfMemoryError'
    ? new LinnetError('OUT_OF_MEMORY', 'The GPU has not enough memory for the model.', {}, [
        'Dispose of models that are no longer needed, or use the backend "wasm".',
      ])
    : new LinnetError('INTERNAL', `The GPU refused what it was asked for: ${error.message}`, {}, [
        'Textures that are passed to a model have to be of its device, and not destroyed.',
      ]);
}
