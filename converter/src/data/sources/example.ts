import {
  bytes,
  declare,
  field,
  float,
  type Infer,
  int64,
  map,
  message,
  repeated,
} from '../../wire/protobuf.js';

const Feature = declare({
  bytes: field(
    1,
    message(() => declare({ value: repeated(1, bytes) })),
  ),
  floats: field(
    2,
    message(() => declare({ value: repeated(1, float) })),
  ),
  ints: field(
    3,
    message(() => declare({ value: repeated(1, int64) })),
  ),
});
export type Feature = Infer<typeof Feature>;

/** Source of the field numbers: tensorflow/core/example/{example,feature}.proto. */
export const Example = declare({
  features: field(
    1,
    message(() =>
      declare({
        feature: map(
          1,
          message(() => Feature),
        ),
      }),
    ),
  ),
});
