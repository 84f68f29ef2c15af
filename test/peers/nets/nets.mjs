/**
 * Networks of well-known structure with fixed random weights, described once and built by a
 * NetWriter per format, so that every runtime gets the same arithmetic with the same weights.
 *
 * Sources of the structures: ResNet-50, He et al. 2015 (arXiv:1512.03385), with the stride in the
 * 3x3 convolutions; SqueezeNet 1.0, Iandola et al. 2016 (arXiv:1602.07360); encoder, Devlin et al.
 * 2018 (arXiv:1810.04805), pre-computed embeddings as input; LSTM, Hochreiter & Schmidhuber 1997.
 *
 * @typedef {unknown} Value a tensor in the net that is being written
 * @typedef {object} NetWriter
 * @property {(shape: number[]) => Value} input one float32 input; images are [batch, h, w, c]
 * @property {(x: Value, o: {filters: number, kernel: number, stride?: number, padding?: 'same'|'valid',
 *   relu?: boolean, gain?: number}) => Value} conv `gain` scales the weights
 * @property {(x: Value, o: {size: number, stride: number, padding?: 'same'|'valid'}) => Value} maxPool
 * @property {(x: Value) => Value} globalAveragePool [b, h, w, c] -> [b, c]
 * @property {(values: Value[]) => Value} concat along channels
 * @property {(a: Value, b: Value, relu?: boolean) => Value} add
 * @property {(x: Value, units: number) => Value} dense over the last dimension
 * @property {(x: Value) => Value} softmax over the last dimension
 * @property {(x: Value) => Value} gelu the exact one
 * @property {(x: Value) => Value} layerNorm over the last dimension
 * @property {(x: Value, heads: number) => Value} selfAttention [b, t, d] -> [b, t, d], projections included
 * @property {(x: Value, units: number) => Value} lstm [b, t, d] -> [b, t, units]
 */

/** @type {Record<string, {title: string, inputShape: number[], build: (net: NetWriter) => Value}>} */
export const NETS = {
  resnet50: {
    title: 'ResNet-50 float32',
    inputShape: [1, 224, 224, 3],
    build(net) {
      let x = net.input([1, 224, 224, 3]);
      x = net.conv(x, { filters: 64, kernel: 7, stride: 2, relu: true });
      x = net.maxPool(x, { size: 3, stride: 2, padding: 'same' });
      const stages = [
        [3, 64],
        [4, 128],
        [6, 256],
        [3, 512],
      ];
      for (const [stage, [blocks, width]] of stages.entries()) {
        for (let block = 0; block < blocks; block++) {
          const stride = block === 0 && stage > 0 ? 2 : 1;
          const shortcut =
            block === 0 ? net.conv(x, { filters: 4 * width, kernel: 1, stride, gain: 0.7 }) : x;
          let y = net.conv(x, { filters: width, kernel: 1, relu: true });
          y = net.conv(y, { filters: width, kernel: 3, stride, relu: true });
          // Small residuals keep activations from growing through the blocks.
          y = net.conv(y, { filters: 4 * width, kernel: 1, gain: 0.2 });
          x = net.add(y, shortcut, true);
        }
      }
      return net.softmax(net.dense(net.globalAveragePool(x), 1000));
    },
  },
  squeezenet: {
    title: 'SqueezeNet 1.0 float32',
    inputShape: [1, 224, 224, 3],
    build(net) {
      const fire = (x, squeeze, expand) => {
        const s = net.conv(x, { filters: squeeze, kernel: 1, relu: true });
        return net.concat([
          net.conv(s, { filters: expand, kernel: 1, relu: true }),
          net.conv(s, { filters: expand, kernel: 3, relu: true }),
        ]);
      };
      const pool = (x) => net.maxPool(x, { size: 3, stride: 2, padding: 'valid' });
      let x = net.input([1, 224, 224, 3]);
      x = net.conv(x, { filters: 96, kernel: 7, stride: 2, padding: 'valid', relu: true });
      x = fire(fire(fire(pool(x), 16, 64), 16, 64), 32, 128);
      x = fire(fire(fire(fire(pool(x), 32, 128), 48, 192), 48, 192), 64, 256);
      x = fire(pool(x), 64, 256);
      x = net.conv(x, { filters: 1000, kernel: 1, relu: true });
      return net.softmax(net.globalAveragePool(x));
    },
  },
  encoder: {
    title: 'BERT-like encoder (6 x 384, 128 tokens) float32',
    inputShape: [1, 128, 384],
    build(net) {
      let x = net.input([1, 128, 384]);
      for (let layer = 0; layer < 6; layer++) {
        x = net.layerNorm(net.add(x, net.selfAttention(x, 6)));
        const hidden = net.gelu(net.dense(x, 4 * 384));
        x = net.layerNorm(net.add(x, net.dense(hidden, 384)));
      }
      return x;
    },
  },
  lstm: {
    title: 'LSTM (256 units, 128 steps) float32',
    inputShape: [1, 128, 128],
    build(net) {
      return net.dense(net.lstm(net.input([1, 128, 128]), 256), 10);
    },
  },
};
