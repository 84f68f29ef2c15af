// LiteRT.js's build for engines without relaxed SIMD.
import { load as loadFrom } from './litert.js';

export const load = (bytes, options) =>
  loadFrom(bytes, options, '/peers/@litertjs/core/wasm/litert_wasm_compat_internal.js');
