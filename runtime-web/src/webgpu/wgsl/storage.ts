/** How tensors lie in storage buffers, and how shaders read and write their elements. */
import type { DType } from '@linnet/schema';

/** The type in which shaders compute on a dtype. */
export type Element = 'f32' | 'i32';

/** Elements that shaders read or write at a time. */
export type Width = 1 | 4;

interface Access {
  /** The type of the buffer's array. */
  readonly array: string;
  /** The element, or vector of four, at `i` of the array `name`. */
  load(name: string, i: string): string;
  /** Null where elements cannot be written one by one. */
  readonly store: ((name: string, i: string, value: string) => string) | null;
}

interface Storage {
  readonly element: Element;
  readonly single: Access;
  readonly four: Access;
}

function words(element: Element): Storage {
  const access = (array: string): Access => ({
    array,
    load: (name, i) => `${name}[${i}]`,
    store: (name, i, value) => `${name}[${i}] = ${value};`,
  });
  return { element, single: access(element), four: access(`vec4<${element}>`) };
}

/** Four to a word. */
function bytes(signed: boolean): Storage {
  const lane = (word: string, at: string) =>
    signed
      ? `extractBits(bitcast<i32>(${word}), ${at}, 8u)`
      : `i32(extractBits(${word}, ${at}, 8u))`;
  return {
    element: 'i32',
    single: {
      array: 'u32',
      load: (name, i) => lane(`${name}[(${i}) >> 2u]`, `((${i}) & 3u) * 8u`),
      store: null,
    },
    four: {
      array: 'u32',
      load: (name, i) => {
        const lanes = ['0u', '8u', '16u', '24u'].map((at) => lane(`${name}[${i}]`, at));
        return `vec4<i32>(${lanes.join(', ')})`;
      },
      store: (name, i, value) =>
        `{ let v = vec4<u32>(${value}) & vec4<u32>(255u); ${name}[${i}] = v.x | (v.y << 8u) | (v.z << 16u) | (v.w << 24u); }`,
    },
  };
}

/** Two to a word. */
const SHORTS: Storage = {
  element: 'i32',
  single: {
    array: 'u32',
    load: (name, i) => `extractBits(bitcast<i32>(${name}[(${i}) >> 1u]), ((${i}) & 1u) * 16u, 16u)`,
    store: null,
  },
  four: {
    array: 'vec2<u32>',
    load: (name, i) => {
      const lanes = ['x', 'y'].flatMap((word) =>
        ['0u', '16u'].map((at) => `extractBits(bitcast<i32>(${name}[${i}].${word}), ${at}, 16u)`),
      );
      return `vec4<i32>(${lanes.join(', ')})`;
    },
    store: (name, i, value) =>
      `{ let v = vec4<u32>(${value}) & vec4<u32>(65535u); ${name}[${i}] = vec2<u32>(v.x | (v.y << 16u), v.z | (v.w << 16u)); }`,
  },
};

/** Two to a word; expanded by an instruction that every device has. */
const HALVES: Storage = {
  element: 'f32',
  single: {
    array: 'u32',
    load: (name, i) => `unpack2x16float(${name}[(${i}) >> 1u])[(${i}) & 1u]`,
    store: null,
  },
  four: {
    array: 'vec2<u32>',
    load: (name, i) =>
      `vec4<f32>(unpack2x16float(${name}[${i}].x), unpack2x16float(${name}[${i}].y))`,
    store: (name, i, value) =>
      `{ let v = ${value}; ${name}[${i}] = vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw)); }`,
  },
};

const STORAGES = {
  float32: words('f32'),
  int32: words('i32'),
  int8: bytes(true),
  int4: bytes(true),
  uint8: bytes(false),
  bool: bytes(false),
  int16: SHORTS,
  float16: HALVES,
} as const satisfies { readonly [D in DType]?: Storage };

export type StoredDType = keyof typeof STORAGES;

/** Whether shaders can read and write tensors of a dtype. */
export function isStored(dtype: DType): dtype is StoredDType {
  return dtype in STORAGES;
}

export function elementOf(dtype: StoredDType): Element {
  return STORAGES[dtype].element;
}

export function accessOf(dtype: StoredDType, width: Width): Access {
  const { single, four } = STORAGES[dtype];
  return width === 1 ? single : four;
}
