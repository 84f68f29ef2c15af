/**
 * The C side of the kernel list: a parameter struct and a prototype for each kernel, and the table
 * that the program runner calls them through, in the order of their ids.
 */
const C_TYPES = {
  in: 'const void *',
  out: 'void *',
  inout: 'void *',
  temp: 'void *',
  i32: 'int32_t ',
  u32: 'uint32_t ',
  f32: 'float ',
};

export function kernelsHeader(kernels, blockLayout) {
  const names = Object.keys(kernels);
  return `/* Made by scripts/build.mjs from the declarations in kernels/. */
#ifndef LINNET_KERNELS_H
#define LINNET_KERNELS_H

#include <stdint.h>

${names.map((name) => declaration(name, blockLayout(kernels[name]))).join('\n')}
typedef void (*kernel_function)(const void *params, uint32_t thread, uint32_t threads);

static const kernel_function kernel_table[] = {
${names.map((name) => `    (kernel_function)${name},\n`).join('')}};

#endif
`;
}

function declaration(name, { fields, size }) {
  const members = fields.map(
    ({ type, name: field, count }) =>
      `  ${C_TYPES[type]}${field}${count > 1 ? `[${count}]` : ''};\n`,
  );
  return `typedef struct {
${members.join('')}} ${name}_params;
_Static_assert(sizeof(${name}_params) == ${size}, "layout of ${name}_params");
void ${name}(const ${name}_params *p, uint32_t thread, uint32_t threads);
`;
}
