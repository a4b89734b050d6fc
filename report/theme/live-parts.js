// What the parts of the page's network share: elements, colours, words and numbers.
const liveParts = (function () {
  'use strict';

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const name in attributes) element.setAttribute(name, attributes[name]);
    element.append(...children);
    return element;
  }

  const button = (text, attributes) => make('button', { type: 'button', ...attributes }, text);

  // Numbers

  const write = (number, digits) => {
    const text = number.toFixed(Math.abs(number) >= 100 ? 0 : digits);
    return Number(text) === 0 ? (0).toFixed(digits) : text.replace('-', '\u2212');
  };
  const percent = share => (100 * share).toFixed(1) + '\u00a0%';
  const size = shape => shape.join('\u00a0×\u00a0');
  const count = (number, noun) => number + ' ' + noun + (number === 1 ? '' : 's');
  const largest = values =>
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;

  // One channel of what lies channel by channel.
  const channelOf = (values, shape, channel) => Float32Array.from(
    { length: shape[0] * shape[1] }, (_, n) => values[n * shape[2] + channel]);

  // Activations as they are called in text.
  const activations = { relu: 'ReLU', leaky_relu: 'leaky ReLU', elu: 'ELU', gelu: 'GELU',
    silu: 'SiLU', tanh: 'tanh', sigmoid: 'sigmoid', softmax: 'softmax' };

  // Pictures of numbers

  // A colour of the style sheet as red, green and blue, whatever way it is written there.
  function readColour(holder, name) {
    const probe = make('span', { style: 'color: var(' + name + ')' });
    holder.append(probe);
    const context = make('canvas', { width: 1, height: 1 }).getContext('2d');
    context.fillStyle = getComputedStyle(probe).color;
    context.fillRect(0, 0, 1, 1);
    probe.remove();
    return context.getImageData(0, 0, 1, 1).data;
  }

  function paint(canvas, rows, columns, colourOf) {
    canvas.width = columns;
    canvas.height = rows;
    const image = new ImageData(columns, rows);
    for (let n = 0; n < rows * columns; n++) {
      const colour = colourOf(n);
      for (let c = 0; c < 3; c++) image.data[n * 4 + c] = colour(c);
      image.data[n * 4 + 3] = 255;
    }
    canvas.getContext('2d').putImageData(image, 0, 0);
  }

  // Pixels as they are, one canvas pixel each.
  const paintPixels = (canvas, pixels, [height, width, channels]) => paint(canvas, height, width,
    n => c => pixels[n * channels + c % channels]);

  // The further a number is from 0, the stronger its colour; each sign has one.
  function paintNumbers(canvas, values, rows, columns, colours) {
    const most = largest(values);
    paint(canvas, rows, columns, n => {
      const end = values[n] < 0 ? colours.negative : colours.positive;
      const share = Math.abs(values[n]) / most;
      return c => colours.zero[c] + (end[c] - colours.zero[c]) * share;
    });
  }

  return { make, button, write, percent, size, count, largest, channelOf, activations,
    readColour, paintPixels, paintNumbers };
}());
