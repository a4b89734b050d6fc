// Computes the network of the page: every layer of one image, and one number in all its steps.
// Pure functions, no page. What the data holds is written by src/cnn_study/report/live.py; images and
// feature maps lie in one row of numbers, the channel fastest, then the column, then the row.
const cnnNetwork = (function () {
  'use strict';

  // The error function after Abramowitz and Stegun (1964), 7.1.26; wrong by 1.5e-7 at most.
  function erf(x) {
    const t = 1 / (1 + 0.3275911 * Math.abs(x));
    const sum = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t
      + 0.254829592) * t;
    return Math.sign(x) * (1 - sum * Math.exp(-x * x));
  }

  // As Keras defines them where nothing else is asked for.
  const activations = {
    relu: x => Math.max(x, 0),
    leaky_relu: x => x < 0 ? 0.2 * x : x,
    elu: x => x < 0 ? Math.expm1(x) : x,
    gelu: x => x * (1 + erf(x * Math.SQRT1_2)) / 2,
    silu: x => x / (1 + Math.exp(-x)),
    tanh: Math.tanh,
    sigmoid: x => 1 / (1 + Math.exp(-x)),
  };

  function activate(name, values) {
    if (name === 'softmax') return softmax(values);
    const activation = activations[name];
    return activation ? values.map(activation) : values;
  }

  function softmax(values) {
    const largest = values.reduce((most, value) => Math.max(most, value), -Infinity);
    const powers = Float64Array.from(values, value => Math.exp(value - largest));
    const sum = powers.reduce((total, power) => total + power, 0);
    return Float32Array.from(powers, power => power / sum);
  }

  // Reading

  // Half precision as IEEE 754 has it: one bit for the sign, 5 for the exponent, 10 behind the point.
  function halves(bytes) {
    return Float32Array.from(new Uint16Array(bytes.buffer), bits => {
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = bits >> 10 & 0x1f;
      const fraction = (bits & 0x3ff) / 1024;
      return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction) : sign * 2 ** -14 * fraction;
    });
  }

  // Typed arrays have the machine's byte order: little-endian wherever browsers run today.
  function decodeArray(array) {
    const text = atob(array.data);
    const bytes = Uint8Array.from(text, letter => letter.charCodeAt(0));
    const count = array.shape.reduce((product, side) => product * side, 1);
    if (bytes.length === count) return bytes;
    return bytes.length === 2 * count ? halves(bytes) : new Float32Array(bytes.buffer);
  }

  // Gives the networks, each with the images that all of them share.
  function decode(text) {
    const { networks, ...shared } = JSON.parse(text);
    shared.images = splitImages(decodeArray(shared.images), shared.images.shape);
    return networks.map(described => {
      const network = { ...shared, ...described, shapes: { scaling: shared.image_shape } };
      network.layers.forEach(layer => {
        network.shapes[layer.name] = layer.shape;
        layer.stored = { ...layer.weights };
        for (const name in layer.weights) layer.weights[name] = decodeArray(layer.weights[name]);
      });
      return network;
    });
  }

  function splitImages(pixels, shape) {
    const size = shape[1] * shape[2] * shape[3];
    return Array.from({ length: shape[0] }, (_, n) => pixels.subarray(n * size, (n + 1) * size));
  }

  // Layers: each takes its inputs with their shapes and gives its output

  // Where the first window begins. TensorFlow's rule for padding `same`: as many zeros as are
  // needed, half of them before; of an odd number the smaller half.
  function firstWindow(layer, shape) {
    const size = layer.options.kernel_size;
    const stride = layer.options.strides;
    const before = axis => {
      if (layer.options.padding !== 'same') return 0;
      const missing = (layer.shape[axis] - 1) * stride + size - shape[axis];
      return Math.floor(Math.max(missing, 0) / 2);
    };
    return { size, stride, top: -before(0), left: -before(1) };
  }

  function convolution(layer, [input], [shape]) {
    const [rows, columns, filters] = layer.shape;
    const [height, width, channels] = shape;
    const { size, stride, top, left } = firstWindow(layer, shape);
    const { kernel, bias } = layer.weights;
    const output = new Float32Array(rows * columns * filters);
    const sums = new Float64Array(filters);
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
      for (let f = 0; f < filters; f++) sums[f] = bias ? bias[f] : 0;
      for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) {
        const y = row * stride + top + i;
        const x = column * stride + left + j;
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        for (let c = 0; c < channels; c++) {
          const value = input[(y * width + x) * channels + c];
          if (value === 0) continue;
          const first = ((i * size + j) * channels + c) * filters;
          for (let f = 0; f < filters; f++) sums[f] += value * kernel[first + f];
        }
      }
      output.set(sums, (row * columns + column) * filters);
    }
    return activate(layer.options.activation, output);
  }

  // Each channel by a kernel of its own.
  function depthwiseConvolution(layer, [input], [shape]) {
    const [rows, columns, channels] = layer.shape;
    const [height, width] = shape;
    const { size, stride, top, left } = firstWindow(layer, shape);
    const { kernel, bias } = layer.weights;
    const output = new Float32Array(rows * columns * channels);
    const sums = new Float64Array(channels);
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
      for (let c = 0; c < channels; c++) sums[c] = bias ? bias[c] : 0;
      for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) {
        const y = row * stride + top + i;
        const x = column * stride + left + j;
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        const pixel = (y * width + x) * channels;
        const first = (i * size + j) * channels;
        for (let c = 0; c < channels; c++) sums[c] += input[pixel + c] * kernel[first + c];
      }
      output.set(sums, (row * columns + column) * channels);
    }
    return activate(layer.options.activation, output);
  }

  function dense(layer, [input]) {
    const units = layer.shape[0];
    const sums = Float64Array.from(layer.weights.bias);
    input.forEach((value, n) => {
      if (value) for (let u = 0; u < units; u++) {
        sums[u] += value * layer.weights.kernel[n * units + u];
      }
    });
    return activate(layer.options.activation, Float32Array.from(sums));
  }

  function batchNormalization(layer, [input]) {
    const { gamma, beta, moving_mean, moving_variance } = layer.weights;
    const factors = gamma.map((value, c) =>
      value / Math.sqrt(moving_variance[c] + layer.options.epsilon));
    const channels = factors.length;
    return input.map((value, n) =>
      (value - moving_mean[n % channels]) * factors[n % channels] + beta[n % channels]);
  }

  // Windows that do not fit whole at the lower and right edge are left out.
  function pooling(layer, input, shape, start, combine, finish) {
    const [rows, columns, channels] = layer.shape;
    const size = layer.options.pool_size;
    const output = new Float32Array(rows * columns * channels);
    let place = 0;
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
      for (let c = 0; c < channels; c++) {
        let value = start;
        for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) {
          const y = row * size + i;
          const x = column * size + j;
          value = combine(value, input[(y * shape[1] + x) * channels + c]);
        }
        output[place++] = finish(value);
      }
    }
    return output;
  }

  function maxPooling(layer, [input], [shape]) {
    return pooling(layer, input, shape, -Infinity, Math.max, value => value);
  }

  function averagePooling(layer, [input], [shape]) {
    const numbers = layer.options.pool_size * layer.options.pool_size;
    return pooling(layer, input, shape, 0, (sum, value) => sum + value, sum => sum / numbers);
  }

  function globalAveragePooling(layer, [input], [shape]) {
    const sums = new Float64Array(shape[2]);
    input.forEach((value, n) => { sums[n % shape[2]] += value; });
    return Float32Array.from(sums, sum => sum / (shape[0] * shape[1]));
  }

  const kinds = {
    convolution,
    pointwise_convolution: convolution,
    projection: convolution,
    depthwise_convolution: depthwiseConvolution,
    squeeze: globalAveragePooling,
    excitation: convolution,
    multiply: (_, [maps, weights]) => maps.map((value, n) => value * weights[n % weights.length]),
    batch_normalization: batchNormalization,
    add: (_, [first, second]) => first.map((value, n) => value + second[n]),
    activation: (layer, [input]) => activate(layer.options.activation, input),
    max_pooling: maxPooling,
    average_pooling: averagePooling,
    dropout: (_, [input]) => input, // drops numbers in training only
    flatten: (_, [input]) => input, // row, column, channel: the order in which they lie already
    global_average_pooling: globalAveragePooling,
    dense,
  };

  // Gives what comes out of every layer, by name, for an image of whole numbers from 0 to 255; and
  // the answer, which with a flip at test time is the mean of this one's and its mirror image's.
  function run(network, pixels) {
    const { outputs, probabilities } = runOnce(network, pixels);
    if (!network.test_time_flip) return { outputs, probabilities };
    const others = runOnce(network, mirrored(pixels, network.image_shape)).probabilities;
    return { outputs, probabilities: probabilities.map((value, n) => (value + others[n]) / 2) };
  }

  function mirrored(pixels, [, width, channels]) {
    return pixels.map((_, n) => {
      const column = Math.floor(n / channels) % width;
      return pixels[n + (width - 1 - 2 * column) * channels];
    });
  }

  function runOnce(network, pixels) {
    const channels = network.image_shape[2];
    const outputs = {
      scaling: Float32Array.from(pixels, (pixel, n) =>
        pixel * network.scale[n % channels] + network.offset[n % channels]),
    };
    network.layers.forEach(layer => {
      const inputs = layer.inputs.map(name => outputs[name]);
      const shapes = layer.inputs.map(name => network.shapes[name]);
      outputs[layer.name] = kinds[layer.kind](layer, inputs, shapes);
    });
    const last = network.layers[network.layers.length - 1];
    return { outputs, probabilities: outputs[last.name] };
  }

  // Gives one number of a convolution with all that it is made of. In `channels`, for each
  // channel of the input, in a depthwise convolution for its own one: rows of the window (null
  // where it hangs over the border), of the kernel and of their products, and the products' sum.
  function explain(network, outputs, name, row, column, filter) {
    const layer = network.layers.find(found => found.name === name);
    const shape = network.shapes[layer.inputs[0]];
    const input = outputs[layer.inputs[0]];
    const { size, stride, ...first } = firstWindow(layer, shape);
    const top = row * stride + first.top;
    const left = column * stride + first.left;
    const filters = layer.shape[2];
    const grid = number => Array.from({ length: size }, (_, i) =>
      Array.from({ length: size }, (__, j) => number(i, j)));
    const isDepthwise = layer.kind === 'depthwise_convolution';
    const read = isDepthwise ? [filter] : Array.from({ length: shape[2] }, (_, c) => c);
    const channels = read.map(c => {
      const window = grid((i, j) => {
        const inside = top + i >= 0 && top + i < shape[0] && left + j >= 0 && left + j < shape[1];
        return inside ? input[((top + i) * shape[1] + left + j) * shape[2] + c] : null;
      });
      const kernel = grid((i, j) => {
        const first = (i * size + j) * shape[2] + c;
        return layer.weights.kernel[isDepthwise ? first : first * filters + filter];
      });
      const products = grid((i, j) => window[i][j] * kernel[i][j]);
      return { window, kernel, products, sum: products.flat().reduce((sum, x) => sum + x, 0) };
    });
    const bias = layer.weights.bias ? layer.weights.bias[filter] : 0;
    const sum = channels.reduce((total, channel) => total + channel.sum, bias);
    const activation = layer.options.activation || null;
    const value = activate(activation, Float64Array.of(sum))[0];
    return { top, left, size, channels, bias, sum, activation, value };
  }

  return { decode, run, explain };
}());
