export * from '@linnet/runtime-web';
