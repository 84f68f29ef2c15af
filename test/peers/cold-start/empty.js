/** What any page takes. */
globalThis.result = { milliseconds: performance.now() };
