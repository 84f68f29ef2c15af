/**
 * What parts of the runtime that are fetched apart share. They import it from here: to bundlers that make a
 * chunk for each set of parts that share a module, it is one.
 */
export { isManifest } from '@linnet/schema/download-format';
export { LinnetError } from '@linnet/schema/errors';
export { float16ToFloat32, float32ToFloat16 } from './io/float16.js';
export { isNode, nodeModule } from './io/node.js';
export { fetchPart } from './io/part.js';
export { locate, readSource } from './io/source.js';
export { atOnce, inTurns, TURN_MS, takeTurn } from './io/turns.js';
export { disposedError } from './run/disposed.js';
