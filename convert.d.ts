export * from '@linnet/converter';
