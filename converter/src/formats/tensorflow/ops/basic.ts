import type { TfOps } from '../site.js';
import { tensorFromProto, widen } from '../tensor.js';
import { cast, identity } from './compose.js';

/** Constants, identities and conversions. */
export const BASIC: TfOps = {
  Const: (site) =>
    site.graph.constant(
      site.node,
      widen(tensorFromProto(site.attrs.tensor('value'), `the constant ${site.node.name}`)),
    ),

  Identity: identity,
  IdentityN: (site) => site.inputs(),
  Snapshot: identity,
  StopGradient: identity,
  PreventGradient: identity,
  CheckNumerics: identity,
  EnsureShape: identity,
  PlaceholderWithDefault: identity,
  DisableCopyOnRead: identity,

  /** Between half precision and float32 nothing happens: both are float32 in the graph. */
  Cast: (site) => {
    const from = site.input(0);
    const to = site.attrs.dtype('DstT');
    if (site.type(from).dtype === 'string' || to === 'string') {
      throw site.unsupported('strings cannot be cast');
    }
    return cast(site, from, to);
  },
};
