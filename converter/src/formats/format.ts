import type { Program } from '../graph/graph.js';
import type { Source } from './source.js';

export interface OpenOptions {
  /** Keys of the signatures to import; all of them by default. */
  readonly signatures?: readonly string[];
  /** Shapes of inputs, by public input name; they replace the ones that the model states. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Tags of the MetaGraph to import (SavedModel only); `['serve']` by default. */
  readonly tags?: readonly string[];
  readonly signal?: AbortSignal;
  /** Called between steps with what is being done. */
  readonly onProgress?: (stage: string) => void;
}

export interface OpenedModel {
  readonly program: Program;
  /** What a user may want to know and that is no error: assets left out, and the like. One line each. */
  readonly notes: readonly string[];
}

/** A reader of one model format. */
export interface Format {
  /** As shown to users: `TensorFlow SavedModel`. */
  readonly name: string;
  /** What a source of this format looks like, for the message about an unknown one. */
  readonly looksLike: string;
  /** Whether the source is of this format, judged by its contents; reads as little as it can. */
  sniff(source: Source): Promise<boolean>;
  /**
   * Reads the model.
   *
   * @throws LinnetError INVALID_MODEL, UNSUPPORTED (listing every unsupported op),
   *   INVALID_ARGUMENT (unknown signature, input or tags), IO or ABORTED.
   */
  open(source: Source, options: OpenOptions): Promise<OpenedModel>;
}
