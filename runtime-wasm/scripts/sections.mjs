/** Custom sections of WASM modules. Source: WebAssembly core specification, "Binary Format". */

/** A module without its custom sections (names, producers, features): code and data only. */
export function withoutCustomSections(module) {
  const kept = [module.subarray(0, 8)];
  let offset = 8;
  while (offset < module.length) {
    const start = offset;
    const id = module[offset++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[offset++];
      size += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    offset += size;
    if (id !== 0) kept.push(module.subarray(start, offset));
  }
  return Buffer.concat(kept);
}

/** A module with one more custom section. */
export function withCustomSection(module, name, contents) {
  const body = Buffer.concat([unsigned(name.length), Buffer.from(name), contents]);
  return Buffer.concat([module, Buffer.of(0), unsigned(body.length), body]);
}

/** LEB128. */
function unsigned(value) {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
