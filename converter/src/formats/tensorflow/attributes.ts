import { type DType, LinnetError } from '@linnet/schema';
import { dtypeOf, graphDType } from './dtype.js';
import type { Attrs, AttrValue, TensorProto, TensorShape } from './proto/messages.js';

/** Typed look-ups of a node's attributes; without a default an absent attribute is an error. */
export class Attributes {
  constructor(
    private readonly attrs: Attrs,
    private readonly node: string,
    private readonly op: string,
  ) {}

  int(name: string, fallback?: number): number {
    return this.get(name, 'i', fallback);
  }

  float(name: string, fallback?: number): number {
    return this.get(name, 'f', fallback);
  }

  bool(name: string, fallback?: boolean): boolean {
    return this.get(name, 'b', fallback);
  }

  string(name: string, fallback?: string): string {
    const bytes = this.attrs.get(name)?.s;
    return bytes === undefined
      ? this.get(name, 's', fallback as never)
      : new TextDecoder().decode(bytes);
  }

  ints(name: string, fallback?: readonly number[]): readonly number[] {
    return this.attrs.get(name)?.list?.i ?? this.get(name, 'list', fallback as never);
  }

  /** A data type as the graph computes it: half precision is float32. */
  dtype(name: string, fallback?: DType): DType {
    return graphDType(this.sourceDType(name, fallback));
  }

  /** A data type as TensorFlow says it. */
  sourceDType(name: string, fallback?: DType): DType {
    const code = this.attrs.get(name)?.type;
    return code === undefined ? this.get(name, 'type', fallback as never) : dtypeOf(code);
  }

  shape(name: string): TensorShape | undefined {
    return this.attrs.get(name)?.shape;
  }

  tensor(name: string): TensorProto {
    return this.get(name, 'tensor');
  }

  function(name: string): string {
    return this.get(name, 'func').name;
  }

  private get<K extends keyof AttrValue>(
    name: string,
    member: K,
    fallback?: NonNullable<AttrValue[K]>,
  ): NonNullable<AttrValue[K]> {
    const value = this.attrs.get(name)?.[member] ?? fallback;
    if (value === undefined || value === null) {
      throw new LinnetError('INVALID_MODEL', `the attribute ${name} is missing`, {
        node: this.node,
        op: this.op,
      });
    }
    return value as NonNullable<AttrValue[K]>;
  }
}
