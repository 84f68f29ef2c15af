/** Element types as the names of kernels spell them. */
#ifndef LINNET_TYPES_H
#define LINNET_TYPES_H

#include <stdint.h>

typedef float f32;
typedef int8_t i8;
typedef uint8_t u8;
typedef int16_t i16;
typedef uint16_t u16;
typedef int32_t i32;
typedef uint32_t u32;
typedef int64_t i64;

#endif
