/** How tensors lie in storage buffers, and how shaders read and write their elements. */
import type { DType } from '@linnet/schema';
import type { Traits } from '../traits.js';
import { byteVector } from './bytes.js';

/** The type in which shaders compute on a dtype. */
export type Element = 'f32' | 'i32';

/** Elements that shaders read or write at a time. */
export type Width = 1 | 4;

export interface Access {
  /** The type of the buffer's array. */
  readonly array: string;
  /** Statements that return the element, or vector of four, at `i` of the array `name`. */
  load(name: string, traits: Traits): string;
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
    load: (name) => `return ${name}[i];`,
    store: (name, i, value) => `${name}[${i}] = ${value};`,
  });
  return { element, single: access(element), four: access(`vec4<${element}>`) };
}

/** Four to a word. */
function bytes(signed: boolean): Storage {
  return {
    element: 'i32',
    single: {
      array: 'u32',
      load: (name) => {
        const [word, at] = [`${name}[i >> 2u]`, '(i & 3u) * 8u'];
        return signed
          ? `return extractBits(bitcast<i32>(${word}), ${at}, 8u);`
          : `return i32(extractBits(${word}, ${at}, 8u));`;
      },
      store: null,
    },
    four: {
      array: 'u32',
      load: (name, traits) =>
        signed
          ? `let word = ${name}[i]; return ${byteVector(traits)};`
          : `let word = ${name}[i] ^ 0x80808080u; return ${byteVector(traits)} + 128;`,
      store: (name, i, value) =>
        `{ let v = vec4<u32>(${value}) & vec4<u32>(255u); ${name}[${i}] = v.x | (v.y * 0x100u) | (v.z * 0x10000u) | (v.w * 0x1000000u); }`,
    },
  };
}

/** Eight to a word, as files pack them; constants only. */
const NIBBLES: Storage = {
  element: 'i32',
  single: {
    array: 'i32',
    load: (name) => `return extractBits(${name}[i >> 3u], (i & 7u) * 4u, 4u);`,
    store: null,
  },
  four: {
    array: 'u32',
    load: (name) => {
      const places = [0, 4, 8, 12].map((at) => `${2 ** (28 - at)}`);
      return `let half = select(${name}[i >> 1u], ${name}[i >> 1u] >> 16u, (i & 1u) == 1u); return bitcast<vec4<i32>>(vec4<u32>(half) * vec4<u32>(${places})) >> vec4<u32>(28u);`;
    },
    store: null,
  },
};

/** Two to a word. */
const SHORTS: Storage = {
  element: 'i32',
  single: {
    array: 'u32',
    load: (name) => `return extractBits(bitcast<i32>(${name}[i >> 1u]), (i & 1u) * 16u, 16u);`,
    store: null,
  },
  four: {
    array: 'vec2<u32>',
    load: (name) => {
      const lanes = ['x', 'y'].flatMap((word) =>
        ['0u', '16u'].map((at) => `extractBits(words.${word}, ${at}, 16u)`),
      );
      return `let words = bitcast<vec2<i32>>(${name}[i]); return vec4<i32>(${lanes.join(', ')});`;
    },
    store: (name, i, value) =>
      `{ let v = vec4<u32>(${value}) & vec4<u32>(65535u); ${name}[${i}] = v.xz | (v.yw * 0x10000u); }`,
  },
};

/** Two to a word; expanded by an instruction that every device has, and which knows no infinity of what is too large. */
const HALVES: Storage = {
  element: 'f32',
  single: {
    array: 'u32',
    load: (name) => `return unpack2x16float(${name}[i >> 1u])[i & 1u];`,
    store: null,
  },
  four: {
    array: 'vec2<u32>',
    load: (name) =>
      `let words = ${name}[i]; return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));`,
    store: (name, i, value) =>
      `{ let v = ${value}; let h = clamp(v, vec4(-65504.0), vec4(65504.0)); let more = vec4<u32>(abs(v) >= vec4(65520.0)); ${name}[${i}] = vec2(pack2x16float(h.xy), pack2x16float(h.zw)) + more.xz + more.yw * 0x10000u; }`,
  },
};

const STORAGES = {
  float32: words('f32'),
  int32: words('i32'),
  int8: bytes(true),
  int4: NIBBLES,
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

/** Whether elements have a word each, so that they can be written one by one. */
export function isWord(dtype: StoredDType): boolean {
  return STORAGES[dtype].single.store !== null;
}

export function elementOf(dtype: StoredDType): Element {
  return STORAGES[dtype].element;
}

export function accessOf(dtype: StoredDType, width: Width): Access {
  const { single, four } = STORAGES[dtype];
  return width === 1 ? single : four;
}
