// Shows the networks of the page at work: their answers for a picture, what comes out of every layer
// of one of them, and one number of a convolution worked out. network.js computes, live-picture.js
// has the picture, live-working.js the sum, live-weights.js the file of weights.
(function () {
  'use strict';
  const { make, button, percent, size, count, channelOf, activations, paintNumbers } = liveParts;
  const CLASSES = 12;     // shown in their order; of more, the likeliest
  const MAPS = 64;        // shown of a layer
  const STRIP = 128;      // numbers in one row

  // Words for layers

  const then = options => options.activation ? ', then ' + activations[options.activation] : '';
  const square = side => size([side, side]);
  const kernel = options => square(options.kernel_size)
    + (options.strides > 1 ? ', every ' + options.strides + ' places' : '') + then(options);
  const allAbove = 'each number a sum over all of the layer above';
  const gates = ['squeeze', 'excitation'];  // one number for each map, and no map
  const descriptions = {
    convolution: layer => count(layer.shape[2], 'filter') + ' of ' + kernel(layer.options),
    pointwise_convolution: layer => count(layer.shape[2], 'filter') + ' of ' + kernel(layer.options),
    depthwise_convolution: layer => 'each map by a kernel of its own, ' + kernel(layer.options),
    projection: () => 'the block’s input, brought to this shape by 1\u00a0×\u00a01 kernels',
    squeeze: () => 'the mean of each map',
    excitation: layer => allAbove + then(layer.options),
    multiply: () => 'each map that was squeezed, times the number it was given',
    batch_normalization: () => 'each map shifted and scaled',
    add: () => 'the block’s input added',
    activation: layer => activations[layer.options.activation] + ' of each number',
    max_pooling: layer => 'the largest of every ' + square(layer.options.pool_size),
    average_pooling: layer => 'the mean of every ' + square(layer.options.pool_size),
    dropout: () => 'does nothing here: it drops numbers in training only',
    flatten: () => 'the same numbers in one row',
    global_average_pooling: () => 'the mean of each map',
    dense: layer => allAbove + then(layer.options),
  };

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
      verdict.replaceChildren('It says ', make('strong', {}, names[first]), ', '
        + percent(probabilities[first]) + '. ', make('span', {}, label === null
        ? 'Only you know what it truly is.' : label === first ? 'That is right.'
          : 'That is wrong; the true class is ' + names[label] + '.'));
      return verdict.textContent;
    }
    return { element: make('div', { class: 'live-answer' }, verdict, list), show };
  }

  // The networks side by side: what each says of the picture. One is looked into.

  function makeChoice(networks, onChoose) {
    const cards = networks.map((network, n) => {
      const says = make('span', { class: 'live-says' });
      const card = button('', { class: 'live-network' });
      card.append(make('span', { class: 'live-title' }, network.facts.label), says,
        make('span', { class: 'live-about' }, percent(network.facts.test_accuracy)
          + ' of the test images, ' + network.facts.parameters.toLocaleString('en') + ' parameters'));
      card.addEventListener('click', () => onChoose(n));
      return { card, says };
    });
    const choice = make('div', { class: 'live-networks', role: 'group', 'aria-label': 'Networks' },
      ...cards.map(({ card }) => card));
    function show(answers, label) {
      cards.forEach(({ says }, n) => {
        const first = answers[n].indexOf(Math.max(...answers[n]));
        const judged = label === null ? '' : first === label ? ', right' : ', wrong';
        says.replaceChildren('says ', make('strong', {}, networks[n].class_names[first]), ', '
          + percent(answers[n][first]) + judged);
      });
    }
    const mark = chosen => cards.forEach(({ card }, n) =>
      card.setAttribute('aria-pressed', String(n === chosen)));
    return { element: choice, show, mark };
  }

  // The layers

  function makeLayers(network, onSelect) {
    const rows = network.layers.filter(layer => layer.kind !== 'dropout').map(layer => {
      const isImage = layer.shape.length === 3 && !gates.includes(layer.kind);
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
          : layer.shape[layer.shape.length - 1]) + ' numbers' }, ...parts);
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
          const wide = Math.min(values.length, STRIP);
          const high = Math.ceil(values.length / wide);
          const filled = new Float32Array(wide * high);
          filled.set(values);
          paintNumbers(maps[0], filled, high, wide, colours);
          maps[0].style.height = (high > 1 ? 0.5 * high : 1.2) + 'rem';
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

  // Together

  function start(holder) {
    const source = document.getElementById(holder.dataset.network);
    if (!source) return;
    const networks = cnnNetwork.decode(source.textContent);
    let network, layers;
    const status = make('p', { class: 'live-unseen', role: 'status' });
    let pending = null;
    // Read out once the reader has stopped moving.
    const say = text => {
      clearTimeout(pending);
      pending = setTimeout(() => { status.textContent = text; }, 500);
    };
    let picture, label, outputs, colours, chosen, working;
    const place = { filter: 0, row: 0, column: 0 };

    const answer = makeAnswer(networks[0]);
    const choice = makeChoice(networks, look);
    const below = make('div', {});
    const about = make('p', { class: 'live-facts' });
    function selectClicked(layer, filter, event) {
      const box = event.currentTarget.getBoundingClientRect();
      select(layer, filter);
      // What was clicked stays under the pointer, whatever opens or closes above it.
      const moved = event.currentTarget.getBoundingClientRect().top - box.top;
      scrollBy({ top: moved, behavior: 'instant' });
    }
    function readColours() {
      colours = { zero: liveParts.readColour(holder, '--live-zero'),
        positive: liveParts.readColour(holder, '--live-positive'),
        negative: liveParts.readColour(holder, '--live-negative') };
    }
    function showNumbers() {
      layers.show(outputs, colours);
      working.paint(picture, outputs, place.filter, colours);
      return working.show(outputs, place);
    }
    function change(pixels, itsLabel) {
      [picture, label] = [pixels, itsLabel];
      const ran = networks.map(each => cnnNetwork.run(each, picture));
      choice.show(ran.map(each => each.probabilities), label);
      const { outputs: numbers, probabilities } = ran[networks.indexOf(network)];
      outputs = numbers;
      if (working) showNumbers();
      say(answer.show(probabilities, label));
    }
    // Look into one of the networks.
    function look(n) {
      network = networks[n];
      choice.mark(n);
      [chosen, working] = [undefined, undefined];
      layers = makeLayers(network, selectClicked);
      layers.element.addEventListener('keydown', pressKeyOnMap);
      below.replaceChildren(layers.element);
      describe();
      if (!picture) return;
      change(picture, label);
      layers.show(outputs, colours);
      const first = layers.rows.find(row => row.choices.length);
      if (first) select(first.layer, 0);
    }
    // Where to begin: the strongest answer, if possible of a window that lies in the picture whole.
    function strongest(layer, filter) {
      const values = channelOf(outputs[layer.name], layer.shape, filter);
      const border = Math.ceil(layer.options.kernel_size / 2);
      const strength = values.map((value, n) => {
        const [row, column] = [Math.floor(n / layer.shape[1]), n % layer.shape[1]];
        const inside = Math.min(row, column, layer.shape[0] - 1 - row,
          layer.shape[1] - 1 - column) >= border;
        return inside ? Math.abs(value) : -1 / (1 + Math.abs(value));
      });
      const best = strength.reduce((most, value, n) => value > strength[most] ? n : most, 0);
      return { row: Math.floor(best / layer.shape[1]), column: best % layer.shape[1] };
    }
    function select(layer, filter) {
      if (layer !== chosen) {
        if (working) working.element.remove();
        chosen = layer;
        working = liveWorking.start(network, layer, move);
        const { item } = layers.rows.find(row => row.layer === layer);
        item.append(working.element);
        working.pointed.addEventListener('keydown', pressKey);
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
    function pressKeyOnMap(event) {
      const row = layers.rows.find(found => found.choices.includes(event.target));
      if (!row) return;
      if (row.layer !== chosen) {
        if (!/^(Arrow|Page)/.test(event.key)) return;
        select(row.layer, row.choices.indexOf(event.target));
      }
      pressKey(event);
      const shown = row.choices[place.filter];
      if (event.key.startsWith('Page') && shown) shown.focus();
    }

    // The static figure gives way; references to it lead here.
    const figure = holder.querySelector('figure[id]');
    const number = figure && figure.querySelector('figcaption strong');
    if (figure) holder.id = figure.id;

    function describe() {
      const { facts } = network;
      const save = button('Save its weights', {});
      save.addEventListener('click', () => liveWeights.save(network));
      about.replaceChildren(...(number ? [number, ' '] : []), 'The run ',
        make('code', {}, facts.experiment), ' with seed ' + facts.seed + ', which classifies '
        + percent(facts.test_accuracy) + ' of the test images correctly; here its weights are '
        + 'rounded to half precision. It sees ' + size(network.image_shape.slice(0, 2))
        + ' pixels and no more, and it knows these ' + network.class_names.length
        + ' classes only: anything else it will also call one of them. Pictures stay in this page. ',
        save);
    }
    const view = livePicture.start(networks[0], holder, change, say);
    holder.replaceChildren(make('p', { class: 'live-lead' }, 'Choose a test image, paint on it, or '
      + 'drop a picture of your own here.'), view.choice,
      make('div', { class: 'live-stage' }, view.easel, answer.element),
      view.tools, ...(networks.length > 1 ? [choice.element] : []), about,
      make('p', { class: 'live-key' },
        make('span', { class: 'live-scale', 'aria-hidden': 'true' }),
        'Maps: blue is above 0, orange below, and no colour is 0; each map is scaled to its own '
        + 'largest number. Choose a map of a convolution to see how its numbers come about.'),
      below, status);
    readColours();
    look(0);
    view.choose(0);
    look(0);
    document.documentElement.classList.add('live-running');

    const recolour = () => { readColours(); showNumbers(); };
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);
    const watched = { attributes: true, attributeFilter: ['data-theme', 'class'] };
    [document.documentElement, document.body].forEach(element =>
      new MutationObserver(recolour).observe(element, watched));
  }

  document.querySelectorAll('.live[data-network]').forEach(start);
}());
