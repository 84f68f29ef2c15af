import { InvalidArgumentError, Option } from 'commander';
import { RECOVERY_STEPS, type RecoveryRecord, type RecoveryStepName } from '../recover/index.js';
import type { RecoverChoice } from '../recover/program.js';
import { formatTable } from './console.js';

export interface RecoverCommandOptions {
  readonly recover?: RecoverChoice;
}

const NAMES = Object.keys(RECOVERY_STEPS);

export function recoverOption(): Option {
  return new Option(
    '--recover <steps>',
    `steps that lower the loss of quantization, each kept where it helps on calibration samples ` +
      `held back: auto, none or some of ${NAMES.join(',')} (default: none)`,
  ).argParser(parseRecover);
}

function parseRecover(text: string): RecoverChoice {
  if (text === 'auto' || text === 'none') return text;
  const names = text.split(',');
  if (names.every((name) => NAMES.includes(name))) return names as readonly RecoveryStepName[];
  throw new InvalidArgumentError(`Expected auto, none or some of ${NAMES.join(',')}.`);
}

/** What recovery did, for people. */
export function formatRecovery(records: readonly RecoveryRecord[]): string {
  const rows = records.map(({ signature, step, changed, kept, before, after }) => [
    signature,
    step,
    changed ?? 'nothing to change',
    changed === null ? '' : kept ? 'kept' : 'dropped',
    changed === null ? '' : `${before.sqnr.toFixed(2)} -> ${after.sqnr.toFixed(2)} dB`,
    percent(before.score) === percent(after.score) || changed === null
      ? ''
      : `${percent(before.score)} -> ${percent(after.score)}`,
  ]);
  const head = ['signature', 'step', 'changes', '', 'signal to noise', 'agreement'];
  return `recovery, judged on samples held back:\n${formatTable(head, rows)}`;
}

function percent(score: number | undefined): string {
  return score === undefined ? '' : `${(100 * score).toFixed(2)} %`;
}
