/**
 * How kernels are declared. A declaration is the single source of a kernel's parameter block: the
 * build writes the C struct from it, the runtime packs arguments by it, the planner takes liveness
 * from it, tests and benchmarks enumerate it.
 *
 * Every kernel is a C function `void NAME(const NAME_params *p, uint32_t thread, uint32_t threads)`
 * that does its share of the work; the program runner puts a barrier after it.
 */

/** An address of memory that the kernel reads, writes, updates, or uses as working space. */
export type PointerField = 'in' | 'out' | 'inout' | 'temp';
export type ScalarField = 'i32' | 'u32' | 'f32';
/** `i32x8` is an array of eight i32 in the block. Every field is aligned to 4 bytes. */
export type Field = PointerField | ScalarField | `${ScalarField}x${number}`;

/** Fields of a parameter block in memory order. */
export type KernelDeclaration = Readonly<Record<string, Field>>;

export type ArgumentOf<F extends Field, Pointer> = F extends PointerField
  ? Pointer | null
  : F extends ScalarField
    ? number
    : readonly number[];

/** Arguments of a call: pointers as the caller's kind of reference, null for an absent tensor. */
export type KernelArguments<D extends KernelDeclaration, Pointer> = {
  readonly [K in keyof D]: ArgumentOf<D[K], Pointer>;
};

export interface FieldLayout {
  readonly name: string;
  /** Byte offset in the block. */
  readonly offset: number;
  readonly type: PointerField | ScalarField;
  /** 1 for scalars and pointers. */
  readonly count: number;
}

export interface BlockLayout {
  readonly fields: readonly FieldLayout[];
  /** Size of the block in bytes. */
  readonly size: number;
}

export function isPointer(type: string): type is PointerField {
  return type === 'in' || type === 'out' || type === 'inout' || type === 'temp';
}

/** The memory layout of a kernel's parameter block: C's, as all fields are 4 bytes wide. */
export function blockLayout(declaration: KernelDeclaration): BlockLayout {
  let offset = 0;
  const fields = Object.entries(declaration).map(([name, field]) => {
    const [type, count] = field.split('x') as [PointerField | ScalarField, string | undefined];
    const layout = { name, offset, type, count: count === undefined ? 1 : Number(count) };
    offset += 4 * layout.count;
    return layout;
  });
  return { fields, size: offset };
}
