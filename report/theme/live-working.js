// One number of a convolution worked out for the page: where its window lies, what is multiplied
// with what, and the sum that one can check by hand.
const liveWorking = (function () {
  'use strict';
  const { make, write, largest, channelOf, activations, paintPixels, paintNumbers } = liveParts;
  const CHANNELS = 3;     // of a window, written out
  const MAPS = 64;        // shown of a layer
  const WIDE = 7;         // a kernel that fits the page; a wider one is scrolled

  // A picture in which one place is outlined.
  function outlined() {
    const canvas = make('canvas', {});
    const outline = make('span', { class: 'live-outline' });
    const move = (top, left, rows, columns, [height, width]) => Object.assign(outline.style, {
      top: 100 * top / height + '%', left: 100 * left / width + '%',
      height: 100 * rows / height + '%', width: 100 * columns / width + '%' });
    return { canvas, move, element: make('span', { class: 'live-tile' }, canvas, outline) };
  }

  function channelNames(count, isPicture) {
    const colours = { 1: ['grey'], 3: ['red', 'green', 'blue'] }[isPicture ? count : 0];
    return colours || Array.from({ length: count }, (_, c) => 'map ' + (c + 1));
  }

  // A square of numbers.
  function makeGrid(side, title) {
    const cells = Array.from({ length: side * side }, () => make('td', {}));
    const rows = Array.from({ length: side }, (_, row) =>
      make('tr', {}, ...cells.slice(row * side, row * side + side)));
    const caption = make('caption', {}, title);
    const element = make('table', { class: 'live-grid' }, caption, make('tbody', {}, ...rows));
    element.style.setProperty('--side', side);
    function fill(numbers, most) {
      numbers.flat().forEach((number, n) => {
        const sign = number < 0 ? 'negative' : 'positive';
        const share = (40 * Math.abs(number) / most).toFixed(0);
        cells[n].textContent = write(number || 0, most < 10 ? 2 : 0);
        cells[n].className = number === null ? 'live-outside' : '';
        cells[n].style.background = number
          ? 'color-mix(in srgb, var(--live-' + sign + ') ' + share + '%, var(--page))' : '';
      });
    }
    return { cells, caption, element, fill };
  }

  // Window times kernel in one channel. What belongs together is marked under the pointer.
  function makeProduct(side, name) {
    const window = makeGrid(side, name + ': window');
    const kernel = makeGrid(side, 'kernel');
    const sum = make('span', { class: 'live-sum' });
    const element = make('div', { class: 'live-product', role: 'group',
      'aria-label': 'Window and kernel, ' + name }, window.element,
      make('span', { class: 'live-sign', 'aria-hidden': 'true' }, '×'), kernel.element, sum);
    if (side > WIDE) element.tabIndex = 0;
    let told;
    function mark(place) {
      [window, kernel].forEach(({ cells }) => cells.forEach((cell, n) =>
        cell.classList.toggle('live-pair', n === place)));
      const factors = [told.window, told.kernel].map(grid => write(grid.flat()[place] || 0, 3));
      kernel.caption.textContent = place < 0 ? 'kernel' : factors.join(' × ') + ' = '
        + write(told.products.flat()[place], 4);
    }
    element.addEventListener('pointerover', event =>
      mark(Math.max(window.cells.indexOf(event.target), kernel.cells.indexOf(event.target))));
    element.addEventListener('pointerleave', () => mark(-1));
    function show(channel, most) {
      told = channel;
      window.fill(channel.window, most.window);
      kernel.fill(channel.kernel, most.kernel);
      sum.textContent = '= ' + write(channel.sum, 3);
    }
    return { element, show };
  }

  // The channels' sums, the bias and the activation, one below the other as on paper.
  function makeSum(names, layer) {
    const body = make('tbody', {});
    const element = make('table', { class: 'live-addition' },
      make('caption', { class: 'live-unseen' }, 'The sum'), body);
    function show(told) {
      const lines = names.slice(0, CHANNELS).map((name, c) => [name, told.channels[c].sum]);
      const rest = told.channels.slice(CHANNELS);
      if (rest.length) {
        lines.push(['and ' + rest.length + ' more', rest.reduce((sum, one) => sum + one.sum, 0)]);
      }
      if (layer.weights.bias) lines.push(['bias', told.bias]);
      lines.push(['sum', told.sum]);
      if (told.activation) lines.push([activations[told.activation], told.value]);
      body.replaceChildren(...lines.map(([name, number]) => make('tr',
        { class: name === 'sum' ? 'live-total' : '' }, make('th', { scope: 'row' }, name),
        make('td', {}, write(number, 3)))));
      return lines.map(([name, number]) => name + ' ' + write(number, 3)).join(', ');
    }
    return { element, show };
  }

  function makeField(name, most, onMove) {
    const box = make('input', { type: 'number', min: '1', max: String(most),
      inputmode: 'numeric' });
    box.addEventListener('input', () => {
      const number = Math.round(Number(box.value));
      if (number >= 1 && number <= most) onMove({ [name.toLowerCase()]: number - 1 }, true);
    });
    return { box, label: make('label', {}, name + ' ', box) };
  }

  // The chosen map, large enough to point at.
  function makePointed(layer, result, onMove) {
    const element = make('div', { class: 'live-pointed', tabindex: '0', role: 'application',
      'aria-roledescription': 'feature map', 'aria-label': layer.name
      + ': arrow keys move the place, Page Up and Page Down change the filter' }, result.element);
    const point = event => {
      const box = result.canvas.getBoundingClientRect();
      const cell = (way, length, cells) =>
        Math.max(0, Math.min(cells - 1, Math.floor(way / length * cells)));
      onMove({ row: cell(event.clientY - box.top, box.height, layer.shape[0]),
        column: cell(event.clientX - box.left, box.width, layer.shape[1]) });
    };
    element.addEventListener('pointermove', point);
    element.addEventListener('pointerdown', point);
    return element;
  }

  // Builds the part for one layer. Calls `onMove({row, column} or {filter}, aloud)` where the
  // reader points at another place.
  function start(network, layer, onMove) {
    const input = layer.inputs[0];
    const shape = network.shapes[input];
    const side = layer.options.kernel_size;
    const isPicture = input === 'scaling';
    const isDepthwise = layer.kind === 'depthwise_convolution';
    const names = isDepthwise ? ['the same map'] : channelNames(shape[2], isPicture);
    const isOne = isPicture || isDepthwise;
    const tiles = Array.from({ length: isOne ? 1 : Math.min(shape[2], MAPS) }, outlined);
    const result = outlined();
    const before = make('div', { class: 'live-tiles', role: 'img', 'aria-label':
      (isPicture ? 'The picture' : 'The maps of ' + input) + ', with the window outlined' },
      ...tiles.map(tile => tile.element));
    before.style.setProperty('--columns', Math.ceil(Math.sqrt(tiles.length)));
    const pointed = makePointed(layer, result, onMove);
    const fields = ['Filter', 'Row', 'Column'].map((name, n) =>
      makeField(name, layer.shape[(n + 2) % 3], onMove));
    const products = names.slice(0, CHANNELS).map(name => makeProduct(side, name));
    const addition = makeSum(names, layer);
    const code = name => make('code', {}, name);
    const element = make('div', { class: 'live-working', role: 'group',
      'aria-label': 'One number of ' + layer.name + ', worked out' },
      make('div', { class: 'live-fields' }, ...fields.map(field => field.label)),
      make('div', { class: 'live-sides' },
        make('figure', {}, before, make('figcaption', {},
          isPicture ? 'The picture goes in.' : code(input), isPicture ? '' : ' goes in.')),
        make('figure', {}, pointed, make('figcaption', {}, 'Point at a place of this map.')),
        addition.element),
      ...products.map(product => product.element),
      make('p', { class: 'live-about' }, 'Each number of the window is multiplied by the one in '
        + 'the same place of the kernel, and all products are added up. Numbers are rounded here, '
        + 'not in the computation.' + (layer.options.padding === 'same' && side > 1
        ? ' Hatched cells lie beyond the border and count as 0.' : '')));

    function paint(picture, outputs, filter, colours) {
      tiles.forEach(({ canvas }, n) => isPicture ? paintPixels(canvas, picture, shape)
        : paintNumbers(canvas, channelOf(outputs[input], shape, isDepthwise ? filter : n), shape[0],
          shape[1], colours));
      paintNumbers(result.canvas, channelOf(outputs[layer.name], layer.shape, filter),
        layer.shape[0], layer.shape[1], colours);
    }
    function show(outputs, { filter, row, column }) {
      const told = cnnNetwork.explain(network, outputs, layer.name, row, column, filter);
      tiles.forEach(tile => tile.move(told.top, told.left, side, side, shape));
      result.move(row, column, 1, 1, layer.shape);
      fields.forEach(({ box }, n) => {
        if (box !== document.activeElement) box.value = [filter, row, column][n] + 1;
      });
      const most = { window: largest(outputs[input]),
        kernel: largest(told.channels.flatMap(channel => channel.kernel.flat())) };
      products.forEach((product, c) => product.show(told.channels[c], most));
      return 'Filter ' + (filter + 1) + ', row ' + (row + 1) + ', column ' + (column + 1) + ': '
        + addition.show(told);
    }
    return { element, pointed, paint, show };
  }

  return { start };
}());
