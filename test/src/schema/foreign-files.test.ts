/** Parts of the format that Linnet reads but never writes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BuiltinOperator, read } from '@linnet/schema';
import { Builder, type Offset } from 'flatbuffers';
import { Buffer } from '../../../schema/dist/generated/builders/buffer.js';
import { ExternalBuffer } from '../../../schema/dist/generated/builders/external-buffer.js';
import { ExternalBufferGroup } from '../../../schema/dist/generated/builders/external-buffer-group.js';
import { Model } from '../../../schema/dist/generated/builders/model.js';
import { Operator } from '../../../schema/dist/generated/builders/operator.js';
import { OperatorCode } from '../../../schema/dist/generated/builders/operator-code.js';
import { SubGraph } from '../../../schema/dist/generated/builders/sub-graph.js';
import { Tensor } from '../../../schema/dist/generated/builders/tensor.js';

interface Parts {
  readonly version?: number;
  readonly tensor?: (builder: Builder) => void;
  readonly operator?: (builder: Builder) => void;
  readonly code?: (builder: Builder) => void;
  /** File name and packing of one external buffer with id 7, at bytes 4 to 12 of its file. */
  readonly external?: { readonly name: string; readonly packing: string };
}

/** A model of one float32[2] tensor and at most one operator, with the parts given. */
function build({ version = 3, tensor, operator, code, external }: Parts): Uint8Array {
  const builder = new Builder();
  const table = (start: (builder: Builder) => void, fill?: (builder: Builder) => void): Offset => {
    start(builder);
    fill?.(builder);
    return builder.endObject();
  };
  const shape = Tensor.createShapeVector(builder, [2]);
  const tensors = SubGraph.createTensorsVector(builder, [
    table(Tensor.startTensor, () => {
      Tensor.addShape(builder, shape);
      tensor?.(builder);
    }),
  ]);
  const operators = SubGraph.createOperatorsVector(
    builder,
    code ? [table(Operator.startOperator, operator)] : [],
  );
  const subgraphs = Model.createSubgraphsVector(builder, [
    table(SubGraph.startSubGraph, () => {
      SubGraph.addTensors(builder, tensors);
      SubGraph.addOperators(builder, operators);
    }),
  ]);
  const codes = Model.createOperatorCodesVector(
    builder,
    code ? [table(OperatorCode.startOperatorCode, code)] : [],
  );
  const buffers = Model.createBuffersVector(builder, [table(Buffer.startBuffer)]);
  let groupsVector = 0;
  let externalVector = 0;
  if (external) {
    const name = builder.createString(external.name);
    const packing = builder.createString(external.packing);
    groupsVector = Model.createExternalBufferGroupsVector(builder, [
      ExternalBufferGroup.createExternalBufferGroup(builder, name),
    ]);
    externalVector = Model.createExternalBuffersVector(builder, [
      ExternalBuffer.createExternalBuffer(builder, 7, 0, 4n, 8n, packing),
    ]);
  }
  const model = table(Model.startModel, () => {
    Model.addVersion(builder, version);
    Model.addSubgraphs(builder, subgraphs);
    Model.addOperatorCodes(builder, codes);
    Model.addBuffers(builder, buffers);
    Model.addExternalBufferGroups(builder, groupsVector);
    Model.addExternalBuffers(builder, externalVector);
  });
  builder.finish(model, 'TFL3');
  return builder.asUint8Array();
}

const withExternal = (packing: string) =>
  build({
    tensor: (builder) => Tensor.addExternalBuffer(builder, 7),
    external: { name: 'weights.bin', packing },
  });

test('weights in another file are views of that file', () => {
  const weights = Uint8Array.of(0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
  const externalFiles = new Map([['weights.bin', weights]]);
  const { data } = read(withExternal('unpacked'), { externalFiles }).subgraphs[0]?.tensors[0] ?? {};
  assert.deepEqual(data, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  assert.equal(data?.buffer, weights.buffer);
  assert.throws(
    () =>
      read(withExternal(''), { externalFiles: new Map([['weights.bin', weights.subarray(1)]]) }),
    { code: 'INVALID_MODEL', message: /external buffer 7 ends at byte 12/ },
  );
  assert.throws(() => read(withExternal('zstd'), { externalFiles }), { code: 'UNSUPPORTED' });
});

test('other files that are needed and not given are listed', () => {
  assert.throws(() => read(withExternal('')), {
    code: 'INVALID_ARGUMENT',
    notes: ['missing: weights.bin'],
  });
});

test('an external buffer that is not listed is refused', () => {
  const file = build({ tensor: (builder) => Tensor.addExternalBuffer(builder, 7) });
  assert.throws(() => read(file), { code: 'INVALID_MODEL', message: /external buffer 7/ });
});

test('op codes are found in the old field and in the new one', () => {
  const codeOf = (fill: (builder: Builder) => void) =>
    read(build({ code: fill })).subgraphs[0]?.operators[0];
  assert.equal(codeOf((b) => OperatorCode.addDeprecatedBuiltinCode(b, 101))?.op, 'ABS');
  const newer = codeOf((b) => {
    OperatorCode.addDeprecatedBuiltinCode(b, 127);
    OperatorCode.addBuiltinCode(b, BuiltinOperator.GELU);
  });
  assert.equal(newer?.op, 'GELU');
  assert.deepEqual(newer?.options, { approximate: false });
});

test('ops outside the vocabulary keep their names', () => {
  const foreign = (code: number) =>
    read(build({ code: (b) => OperatorCode.addBuiltinCode(b, code) })).subgraphs[0]?.operators[0];
  assert.deepEqual(foreign(BuiltinOperator.RFFT2D), {
    op: null,
    foreignName: 'RFFT2D',
    builtinCode: 131,
    customOptions: new Uint8Array(),
    inputs: [],
    outputs: [],
    version: 1,
  });
  const unknown = foreign(999);
  assert(unknown?.op === null && unknown.foreignName === '999');
});

test('options of another op are refused', () => {
  const file = build({
    code: (builder) => OperatorCode.addBuiltinCode(builder, BuiltinOperator.GELU),
    operator: (builder) => Operator.addBuiltinOptionsType(builder, 1),
  });
  assert.throws(() => read(file), {
    code: 'INVALID_MODEL',
    message: /options are those of another/,
  });
});

test('element types and schema versions of the future are named', () => {
  const float8 = build({ tensor: (builder) => Tensor.addType(builder, 21) });
  assert.throws(() => read(float8), { code: 'UNSUPPORTED', message: /FLOAT8_E4M3FN/ });
  assert.throws(() => read(build({ version: 4 })), { code: 'UNSUPPORTED', message: /version 4/ });
});
