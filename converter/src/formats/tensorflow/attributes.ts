import { type DType, LinnetError } from '@linnet/schema';
import { dtypeOf, graphDType } from './dtype.js';
import type { Attrs, TensorProto, TensorShape } from './proto/messages.js';

/** Typed look-ups of a node's attributes; without a default an absent attribute is an error. */
export class Attributes {
  constructor(
    private readonly attrs: Attrs,
    private readonly node: string,
    private readonly op: string,
  ) {}

  int(name: string, fallback?: number): number {
    return this.attrs.get(name)?.i ?? this.otherwise(name, fallback);
  }

  float(name: string, fallback?: number): number {
    return this.attrs.get(name)?.f ?? this.otherwise(name, fallback);
  }

  bool(name: string, fallback?: boolean): boolean {
    return this.attrs.get(name)?.b ?? this.otherwise(name, fallback);
  }

  string(name: string, fallback?: string): string {
    const bytes = this.attrs.get(name)?.s;
    return bytes === undefined ? this.otherwise(name, fallback) : new TextDecoder().decode(bytes);
  }

  ints(name: string, fallback?: readonly number[]): readonly number[] {
    return this.attrs.get(name)?.list?.i ?? this.otherwise(name, fallback);
  }

  /** A data type as the graph computes it: half precision is float32. */
  dtype(name: string, fallback?: DType): DType {
    return graphDType(this.sourceDType(name, fallback));
  }

  /** A data type as TensorFlow says it. */
  sourceDType(name: string, fallback?: DType): DType {
    const code = this.attrs.get(name)?.type;
    return code === undefined ? this.otherwise(name, fallback) : dtypeOf(code);
  }

  shape(name: string): TensorShape | undefined {
    return this.attrs.get(name)?.shape;
  }

  tensor(name: string): TensorProto {
    return this.attrs.get(name)?.tensor ?? this.otherwise(name);
  }

  /** The name of a function. */
  function(name: string): string {
    return this.attrs.get(name)?.func?.name ?? this.otherwise(name);
  }

  private otherwise<T>(name: string, fallback?: T): T {
    if (fallback !== undefined) return fallback;
    throw new LinnetError('INVALID_MODEL', `the attribute ${name} is missing`, {
      node: this.node,
      op: this.op,
    });
  }
}
