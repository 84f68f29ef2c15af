/** Models whose choices are not the cost model's. */
import {
  type Choice,
  loadModel,
  type Model,
  type TunedChoice,
  type Tuning,
} from '@linnet/runtime-web';
import { environmentOf } from '../../../runtime-web/dist/tune/environment.js';
import { selectBuild } from '../../../runtime-web/dist/wasm/environment.js';
import { loadModule } from '../../../runtime-web/dist/wasm/module.js';

/** The choices that leave something to choose. */
export function openChoices({ info }: Pick<Model, 'info'>): readonly Choice[] {
  return info.choices.filter(({ candidates }) => candidates.length > 1);
}

/** A tuning for this environment that takes what `take` says for each choice. */
export async function tuningOf(
  choices: readonly Choice[],
  take: (choice: Choice) => string,
  threads = 1,
): Promise<Tuning> {
  const ops: Record<string, Record<string, TunedChoice>> = {};
  for (const choice of choices) {
    const { signature, decision } = choice;
    ops[signature] = { ...ops[signature], [decision]: { take: take(choice), milliseconds: {} } };
  }
  const selection = selectBuild(threads);
  const environment = environmentOf(selection, await loadModule(selection.build));
  return { linnetTuning: 1, environments: { [environment]: ops } };
}

/**
 * Calls `visit` with a model for each way to force its choices: all to their first candidate, all to their
 * second and so on. Those that only come up by others are forced with them.
 *
 * @param run what plans the model
 */
export async function forEachForced(
  bytes: Uint8Array,
  run: (model: Model) => Promise<unknown>,
  visit: (model: Model, way: string) => Promise<void>,
): Promise<readonly Choice[]> {
  const seen: Choice[] = [];
  let most = 1;
  for (let index = 0; index < most; index++) {
    const candidate = ({ candidates }: Choice) =>
      candidates[Math.min(index, candidates.length - 1)] as string;
    let choices: readonly Choice[] = [];
    for (;;) {
      const tuning = await tuningOf(choices, candidate);
      using model = await loadModel(bytes, { tuning });
      await run(model);
      choices = openChoices(model);
      most = Math.max(most, ...choices.map(({ candidates }) => candidates.length));
      if (choices.some(({ by }) => by !== 'tuning')) continue;
      seen.push(...choices);
      if (choices.length > 0) {
        await visit(
          model,
          choices.map(({ decision, taken }) => `${decision}: ${taken}`).join(', '),
        );
      }
      break;
    }
  }
  return seen;
}
