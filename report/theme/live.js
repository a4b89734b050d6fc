// Shows the network of the page at work: the answer for a picture, what comes out of every layer,
// and one number of a convolution worked out. network.js computes, live-picture.js has the picture.
(function () {
  'use strict';
  const { make, button, paintPixels } = livePicture;
  const MAPS = 64;        // shown of a layer
  const CHANNELS = 3;     // of a window, written out
  const CLASSES = 12;     // shown in their order; of more, the likeliest

  // Words and numbers

  const write = (number, digits) => {
    const text = number.toFixed(Math.abs(number) >= 100 ? 0 : digits);
    return Number(text) === 0 ? (0).toFixed(digits) : text.replace('-', '\u2212');
  };
  const percent = share => (100 * share).toFixed(1) + '\u00a0%';
  const size = shape => shape.join('\u00a0×\u00a0');
  const count = (number, noun) => number + ' ' + noun + (number === 1 ? '' : 's');
  const then = options => options.activation ? ', then ' + options.activation : '';
  const square = side => side + '\u00a0×\u00a0' + side;
  const descriptions = {
    convolution: layer => count(layer.shape[2], 'filter') + ' of ' + square(layer.options.kernel_size)
      + (layer.options.strides > 1 ? ', every ' + layer.options.strides + ' places' : '')
      + then(layer.options),
    projection: () => 'the block’s input, brought to this shape by 1\u00a0×\u00a01 kernels',
    batch_normalization: () => 'each map shifted and scaled',
    add: () => 'the block’s input added',
    activation: layer => layer.options.activation,
    max_pooling: layer => 'the largest of every ' + square(layer.options.pool_size),
    average_pooling: layer => 'the mean of every ' + square(layer.options.pool_size),
    dropout: () => 'does nothing here: it drops numbers in training only',
    flatten: () => 'the same numbers in one row',
    global_average_pooling: () => 'the mean of each map',
    dense: layer => 'each number a sum over all of the layer above' + then(layer.options),
  };

  // Colours: the further from 0, the stronger; two colours for the two signs

  function readColour(holder, name) {
    const probe = make('span', { style: 'color: var(' + name + ')' });
    holder.append(probe);
    const context = make('canvas', { width: 1, height: 1 }).getContext('2d');
    context.fillStyle = getComputedStyle(probe).color;
    context.fillRect(0, 0, 1, 1);
    probe.remove();
    return context.getImageData(0, 0, 1, 1).data;
  }

  const largest = values => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;

  function paintNumbers(canvas, values, rows, columns, colours) {
    const most = largest(values);
    canvas.width = columns;
    canvas.height = rows;
    const image = new ImageData(columns, rows);
    values.forEach((value, n) => {
      const end = value < 0 ? colours.negative : colours.positive;
      const share = Math.abs(value) / most;
      for (let c = 0; c < 3; c++) {
        image.data[n * 4 + c] = colours.zero[c] + (end[c] - colours.zero[c]) * share;
      }
      image.data[n * 4 + 3] = 255;
    });
    canvas.getContext('2d').putImageData(image, 0, 0);
  }

  // One channel of what lies channel by channel.
  const channelOf = (values, shape, channel) => Float32Array.from(
    { length: shape[0] * shape[1] }, (_, n) => values[n * shape[2] + channel]);

  // The answer

  function makeAnswer(network) {
    const { class_names: names } = network;
    const bars = names.slice(0, CLASSES).map(() => {
      const parts = ['name', 'track', 'share'].map(part => make('span', { class: 'live-' + part }));
      parts[1].append(make('span', { class: 'live-bar' }));
      return { item: make('li', {}, ...parts), parts };
    });
    const verdict = make('p', { class: 'live-verdict' });
    const list = make('ol', { class: 'live-bars', role: 'list',
      'aria-label': 'Probability of each class' }, ...bars.map(bar => bar.item));
    function show(probabilities, label) {
      const order = names.map((_, n) => n).sort((a, b) => probabilities[b] - probabilities[a]);
      const first = order[0];
      (names.length > CLASSES ? order : names).slice(0, CLASSES).forEach((_, place) => {
        const n = names.length > CLASSES ? order[place] : place;
        const { item, parts } = bars[place];
        item.className = n === first ? 'live-first' : '';
        parts[0].replaceChildren(names[n]);
        if (n === label) parts[0].append(' ', make('span', { class: 'live-true' }, 'true class'));
        parts[1].firstChild.style.inlineSize = 100 * probabilities[n] + '%';
        parts[2].textContent = percent(probabilities[n]);
      });
      verdict.replaceChildren('It says ', make('strong', {}, names[first]), ', ',
        percent(probabilities[first]), label === null ? '.' : label === first
          ? ', and is right.' : '. It is wrong: the true class is ' + names[label] + '.');
      return verdict.textContent;
    }
    return { element: make('div', { class: 'live-answer' }, verdict, list), show };
  }

  // The layers

  function makeLayers(network, onSelect) {
    const rows = network.layers.filter(layer => layer.kind !== 'dropout').map(layer => {
      const isImage = layer.shape.length === 3;
      const maps = Array.from({ length: isImage ? Math.min(layer.shape[2], MAPS) : 1 },
        () => make('canvas', {}));
      const isConvolution = layer.weights.kernel && isImage;
      const parts = maps.map((canvas, filter) => {
        if (!isConvolution) return canvas;
        const choice = button('', { class: 'live-map',
          'aria-label': layer.name + ', filter ' + (filter + 1) });
        choice.append(canvas);
        choice.addEventListener('click', event => onSelect(layer, filter, event));
        return choice;
      });
      const box = make('div', { class: isImage ? 'live-maps' : 'live-strip',
        role: isConvolution ? 'group' : 'img', 'aria-label': layer.name + ': ' + (isImage
          ? count(layer.shape[2], 'map') + ' of ' + size(layer.shape.slice(0, 2))
          : layer.shape[0]) + ' numbers' }, ...parts);
      const more = isImage ? layer.shape[2] - maps.length : 0;
      const item = make('li', {}, make('p', { class: 'live-layer' },
        make('code', {}, layer.name), make('span', { class: 'live-size' }, size(layer.shape)),
        make('span', { class: 'live-about' }, descriptions[layer.kind](layer))), box);
      if (more) item.append(make('p', { class: 'live-about' }, 'and ' + count(more, 'more map')));
      return { layer, maps, item, isImage, choices: isConvolution ? parts : [] };
    });
    function show(outputs, colours) {
      rows.forEach(({ layer, maps, isImage }) => {
        const values = outputs[layer.name];
        if (isImage) maps.forEach((canvas, n) => paintNumbers(canvas,
          channelOf(values, layer.shape, n), layer.shape[0], layer.shape[1], colours));
        else {
          const wide = Math.min(values.length, 128);
          const high = Math.ceil(values.length / wide);
          const filled = new Float32Array(wide * high);
          filled.set(values);
          paintNumbers(maps[0], filled, high, wide, colours);
        }
      });
    }
    // Of each layer's maps one can be reached with Tab: the chosen one, or else the first.
    function mark(layer, filter) {
      rows.forEach(row => row.choices.forEach((choice, n) => {
        const chosen = row.layer === layer && n === filter;
        choice.setAttribute('aria-pressed', String(chosen));
        choice.tabIndex = (row.layer === layer ? chosen : n === 0) ? 0 : -1;
      }));
    }
    return { element: make('ol', { class: 'live-layers', role: 'list' },
      ...rows.map(row => row.item)), rows, show, mark };
  }

  // One number, worked out

  function makeWorking(network, layer, onMove) {
    const input = layer.inputs[0];
    const shape = network.shapes[input];
    const isPicture = input === 'scaling';
    const names = Array.from({ length: shape[2] }, (_, c) => !isPicture ? 'map ' + (c + 1)
      : shape[2] === 3 ? ['red', 'green', 'blue'][c] : shape[2] === 1 ? 'grey' : 'channel ' + c);

    // What goes in and what comes out, the window and the place outlined
    const outlined = () => {
      const canvas = make('canvas', {});
      const outline = make('span', { class: 'live-outline' });
      return { canvas, outline, tile: make('span', { class: 'live-tile' }, canvas, outline) };
    };
    const tiles = Array.from({ length: isPicture ? 1 : Math.min(shape[2], MAPS) }, outlined);
    const result = outlined();
    const before = make('div', { class: 'live-tiles', role: 'img', 'aria-label': isPicture
      ? 'The picture, with the window outlined' : 'The maps of ' + input
      + ', with the window outlined' }, ...tiles.map(tile => tile.tile));
    before.style.setProperty('--columns', Math.ceil(Math.sqrt(tiles.length)));
    const after = make('div', { class: 'live-pointed', tabindex: '0', role: 'application',
      'aria-roledescription': 'feature map', 'aria-label': layer.name
      + ': arrow keys move the place, Page Up and Page Down change the filter' }, result.tile);
    const place = event => {
      const box = result.canvas.getBoundingClientRect();
      const at = (start, length, cells) =>
        Math.max(0, Math.min(cells - 1, Math.floor((start) / length * cells)));
      onMove({ row: at(event.clientY - box.top, box.height, layer.shape[0]),
        column: at(event.clientX - box.left, box.width, layer.shape[1]) });
    };
    after.addEventListener('pointermove', place);
    after.addEventListener('pointerdown', place);

    // The same by keyboard
    const field = (name, most) => {
      const box = make('input', { type: 'number', min: '1', max: String(most), inputmode: 'numeric' });
      const key = name.toLowerCase();
      box.addEventListener('input', () => {
        const number = Math.round(Number(box.value));
        if (number >= 1 && number <= most) onMove({ [key]: number - 1 }, true);
      });
      return { box, label: make('label', {}, name + ' ', box) };
    };
    const fields = { filter: field('Filter', layer.shape[2]), row: field('Row', layer.shape[0]),
      column: field('Column', layer.shape[1]) };

    // Windows and kernels
    const k = layer.options.kernel_size;
    const grid = caption => {
      const cells = Array.from({ length: k * k }, () => make('td', {}));
      const rows = Array.from({ length: k }, (_, row) =>
        make('tr', {}, ...cells.slice(row * k, row * k + k)));
      return { cells, element: make('table', { class: 'live-grid' },
        make('caption', {}, caption), make('tbody', {}, ...rows)) };
    };
    const written = names.slice(0, CHANNELS).map(name => {
      const window = grid(name + ', window');
      const kernel = grid('kernel');
      const sum = make('span', { class: 'live-sum' });
      const element = make('div', { class: 'live-product', role: 'group', tabindex: '0',
        'aria-label': 'Window and kernel, ' + name }, window.element,
        make('span', { class: 'live-sign', 'aria-hidden': 'true' }, '×'), kernel.element,
        make('span', { class: 'live-sign', 'aria-hidden': 'true' }, '='), sum);
      return { window, kernel, sum, element };
    });
    const sentence = make('p', { class: 'live-equation' });
    const note = make('p', { class: 'live-about' }, 'Each number of the window times the number in '
      + 'the same place of the kernel, all products added up. Numbers are rounded here, not in the '
      + 'computation. Hatched: beyond the border, where ' + layer.name + ' reads 0.');
    if (layer.options.padding !== 'same') note.textContent = note.textContent.split(' Hatched')[0];

    const element = make('div', { class: 'live-working', role: 'group',
      'aria-label': 'One number of ' + layer.name + ', worked out' },
      make('div', { class: 'live-fields' }, fields.filter.label, fields.row.label,
        fields.column.label),
      make('div', { class: 'live-sides' },
        make('figure', {}, before, make('figcaption', {}, isPicture ? 'the picture' : input)),
        make('figure', {}, after, make('figcaption', {}, layer.name + '. Point at a place'))),
      sentence, ...written.map(part => part.element), note);

    const outline = (span, top, left, rows, columns, whole) => Object.assign(span.style, {
      top: 100 * top / whole[0] + '%', left: 100 * left / whole[1] + '%',
      height: 100 * rows / whole[0] + '%', width: 100 * columns / whole[1] + '%' });
    function fillGrid(cells, numbers, most) {
      numbers.flat().forEach((number, n) => {
        const share = 40 * Math.abs(number) / most;
        cells[n].textContent = write(number || 0, most < 10 ? 2 : 0);
        cells[n].className = number === null ? 'live-outside' : '';
        cells[n].style.background = number ? 'color-mix(in srgb, var(--live-'
          + (number < 0 ? 'negative' : 'positive') + ') ' + share.toFixed(0) + '%, var(--page))' : '';
      });
    }
    function paint(picture, outputs, filter, colours) {
      tiles.forEach(({ canvas }, n) => isPicture ? paintPixels(canvas, picture, shape)
        : paintNumbers(canvas, channelOf(outputs[input], shape, n), shape[0], shape[1], colours));
      paintNumbers(result.canvas, channelOf(outputs[layer.name], layer.shape, filter),
        layer.shape[0], layer.shape[1], colours);
    }
    function show(outputs, { filter, row, column }) {
      const told = cnnNetwork.explain(network, outputs, layer.name, row, column, filter);
      tiles.forEach(tile => outline(tile.outline, told.top, told.left, k, k, shape));
      outline(result.outline, row, column, 1, 1, layer.shape);
      const at = { filter, row, column };
      for (const name in fields) {
        if (fields[name].box !== document.activeElement) fields[name].box.value = at[name] + 1;
      }
      const most = [largest(outputs[input]),
        largest(told.channels.flatMap(channel => channel.kernel.flat()))];
      written.forEach((part, c) => {
        fillGrid(part.window.cells, told.channels[c].window, most[0]);
        fillGrid(part.kernel.cells, told.channels[c].kernel, most[1]);
        part.sum.textContent = write(told.channels[c].sum, 3);
      });
      const rest = told.channels.slice(CHANNELS);
      const terms = written.map((_, c) => [told.channels[c].sum, names[c]]);
      if (rest.length) terms.push([rest.reduce((sum, channel) => sum + channel.sum, 0),
        'and ' + rest.length + ' more']);
      if (layer.weights.bias) terms.push([told.bias, 'bias']);
      const steps = terms.map(([number, name], n) => [n ? '+' : '', number, name]);
      steps.push(['=', told.sum, 'sum']);
      if (told.activation) steps.push(['→', told.value, told.activation]);
      sentence.replaceChildren(...steps.map(([sign, number, name]) => make('span',
        { class: 'live-term' }, make('span', {}, sign + ' '),
        make('span', {}, write(number, 3)), make('small', {}, ' ' + name + ' '))));
      return 'Filter ' + (filter + 1) + ', row ' + (row + 1) + ', column ' + (column + 1) + ': '
        + sentence.textContent;
    }
    return { element, after, paint, show };
  }

  // Together

  function start(holder) {
    const source = document.getElementById(holder.dataset.network);
    if (!source) return;
    const network = cnnNetwork.decode(source.textContent);
    const { facts } = network;
    const status = make('p', { class: 'live-unseen', role: 'status' });
    let pending = null;
    // Read out once the reader has stopped moving.
    const say = text => {
      clearTimeout(pending);
      pending = setTimeout(() => { status.textContent = text; }, 500);
    };
    let picture, outputs, colours, chosen, working;
    const place = { filter: 0, row: 0, column: 0 };

    const answer = makeAnswer(network);
    const layers = makeLayers(network, (layer, filter, event) => {
      const box = event.currentTarget.getBoundingClientRect();
      select(layer, filter);
      // What was clicked stays under the pointer, whatever opens or closes above it.
      const moved = event.currentTarget.getBoundingClientRect().top - box.top;
      scrollBy({ top: moved, behavior: 'instant' });
    });
    function readColours() {
      colours = { zero: readColour(holder, '--live-zero'),
        positive: readColour(holder, '--live-positive'),
        negative: readColour(holder, '--live-negative') };
    }
    function showNumbers() {
      layers.show(outputs, colours);
      working.paint(picture, outputs, place.filter, colours);
      return working.show(outputs, place);
    }
    function change(pixels, label) {
      picture = pixels;
      const ran = cnnNetwork.run(network, pixels);
      outputs = ran.outputs;
      if (working) showNumbers();
      say(answer.show(ran.probabilities, label));
    }
    function strongest(layer, filter) {
      const values = channelOf(outputs[layer.name], layer.shape, filter);
      const best = values.reduce((most, value, n) =>
        Math.abs(value) > Math.abs(values[most]) ? n : most, 0);
      return { row: Math.floor(best / layer.shape[1]), column: best % layer.shape[1] };
    }
    function select(layer, filter) {
      if (layer !== chosen) {
        if (working) working.element.remove();
        chosen = layer;
        working = makeWorking(network, layer, move);
        const { item } = layers.rows.find(row => row.layer === layer);
        item.append(working.element);
        working.after.addEventListener('keydown', pressKey);
        Object.assign(place, strongest(layer, filter));
      }
      place.filter = filter;
      layers.mark(layer, filter);
      working.paint(picture, outputs, filter, colours);
      say(working.show(outputs, place));
    }
    function move(to, aloud) {
      if ('filter' in to) return select(chosen, to.filter);
      Object.assign(place, to);
      const text = working.show(outputs, place);
      return aloud && say(text);
    }
    function pressKey(event) {
      const [rows, columns, filters] = chosen.shape;
      const step = { ArrowUp: ['row', -1, rows], ArrowDown: ['row', 1, rows],
        ArrowLeft: ['column', -1, columns], ArrowRight: ['column', 1, columns],
        PageUp: ['filter', -1, filters], PageDown: ['filter', 1, filters] }[event.key];
      if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const [name, by, most] = step;
      move({ [name]: Math.max(0, Math.min(most - 1, place[name] + by)) }, true);
    }
    // On a small map the same keys as on the large one; the focus follows the filter.
    layers.element.addEventListener('keydown', event => {
      const row = layers.rows.find(found => found.choices.includes(event.target));
      if (!row) return;
      if (row.layer !== chosen) {
        if (!/^(Arrow|Page)/.test(event.key)) return;
        select(row.layer, row.choices.indexOf(event.target));
      }
      pressKey(event);
      const shown = row.choices[place.filter];
      if (event.key.startsWith('Page') && shown) shown.focus();
    });

    const view = livePicture.start(network, holder, change);
    holder.replaceChildren(view.choice,
      make('div', { class: 'live-stage' }, make('div', {}, view.shown), answer.element),
      view.tools,
      make('p', { class: 'live-facts' }, 'The run ', make('code', {}, facts.experiment), ' with seed '
        + facts.seed + ', which classifies ' + percent(facts.test_accuracy) + ' of the test images '
        + 'correctly. It sees ' + size(network.image_shape.slice(0, 2)) + ' pixels and no more, and '
        + 'it knows these ' + network.class_names.length + ' classes only: anything else it will '
        + 'also call one of them. Pictures stay in this page.'),
      make('p', { class: 'live-key' },
        make('span', { class: 'live-scale', 'aria-hidden': 'true' }),
        'Maps: blue is above 0, orange below, and no colour is 0; each map is scaled to its own '
        + 'largest number. Choose a map of a convolution to see how its numbers come about.'),
      layers.element, status);
    readColours();
    view.choose(0);
    layers.show(outputs, colours);
    select(layers.rows.find(row => row.choices.length).layer, 0);

    const recolour = () => { readColours(); showNumbers(); };
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);
    const watched = { attributes: true, attributeFilter: ['data-theme', 'class'] };
    [document.documentElement, document.body].forEach(element =>
      new MutationObserver(recolour).observe(element, watched));
  }

  document.querySelectorAll('.live[data-network]').forEach(start);
}());
