import { RECURRENT_OPS } from '@linnet/schema/ops/recurrent';
import { RECURRENT_LOWERINGS } from '../wasm/lower/recurrent.js';
import { withCore } from './core.js';

/** Layers that go through sequences. */
export const RECURRENT = withCore<'recurrent'>({
  records: RECURRENT_OPS,
  lowerings: () => RECURRENT_LOWERINGS,
});
