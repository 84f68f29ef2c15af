/** What most pages have of the runtime. */
export { loadModel } from '@linnet/runtime-web';
