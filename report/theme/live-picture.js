// The picture that the network of the page looks at: chosen, painted, or opened from a file.
// Nothing is sent anywhere.
const livePicture = (function () {
  'use strict';
  const { make, button, paintPixels } = liveParts;

  const SHEET = 512;      // about the size that is painted at, in pixels
  const PAINTS = {
    1: { white: '#ffffff', grey: '#808080', black: '#000000' },
    3: {
      black: '#000000', white: '#ffffff', grey: '#808080', brown: '#6b4423', red: '#c62828',
      orange: '#ef8e19', yellow: '#f5d442', green: '#3c7a3a', 'light blue': '#8ec5ee',
      blue: '#1d4f9c',
    },
  };

  // Each pixel becomes the mean of the square of the sheet that it covers.
  function shrink(data, [height, width, channels], factor) {
    const pixels = new Uint8Array(height * width * channels);
    const share = 1 / (factor * factor);
    for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
      const sums = [0, 0, 0];
      for (let i = 0; i < factor; i++) for (let j = 0; j < factor; j++) {
        const place = ((row * factor + i) * width * factor + column * factor + j) * 4;
        for (let c = 0; c < 3; c++) sums[c] += data[place + c] * share;
      }
      // Brightness of a colour as in ITU-R BT.601, for a network that sees no colours.
      const grey = [0.299 * sums[0] + 0.587 * sums[1] + 0.114 * sums[2]];
      (channels === 1 ? grey : sums).forEach((value, c) => {
        pixels[(row * width + column) * channels + c] = Math.round(value);
      });
    }
    return pixels;
  }

  // Puts the middle of a picture on the sheet, as much of it as fits the sheet's shape.
  function drawCropped(context, picture) {
    const { width, height } = context.canvas;
    const scale = Math.max(width / picture.width, height / picture.height);
    const [w, h] = [picture.width * scale, picture.height * scale];
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    context.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
  }

  // The colour that most test images have at their border, dark or light: that of an empty sheet.
  function emptyColour(images, [height, width, channels]) {
    if (channels === 3) return '#ffffff';
    const border = images.flatMap(pixels => [...pixels].filter((_, n) => {
      const [row, column] = [Math.floor(n / width), n % width];
      return !row || !column || row === height - 1 || column === width - 1;
    }));
    const mean = border.reduce((sum, value) => sum + value, 0) / border.length;
    return mean < 128 ? '#000000' : '#ffffff';
  }

  // Builds the choice of images and the sheet. Calls `onChange(pixels, label)` for every new
  // picture, also while it is painted; label is null where nobody knows the class. `say(text)`
  // reads out where the brush of the keyboard is.
  function start(network, holder, onChange, say) {
    const shape = network.image_shape;
    const factor = Math.max(1, Math.floor(SHEET / Math.max(shape[0], shape[1])));
    const sheet = make('canvas', { width: shape[1] * factor, height: shape[0] * factor });
    const context = sheet.getContext('2d', { willReadFrequently: true });
    const shown = make('canvas', { class: 'live-sheet', role: 'application', tabindex: '0',
      'aria-roledescription': 'sheet' });
    shown.style.aspectRatio = shape[1] + ' / ' + shape[0];
    const empty = emptyColour(network.images, shape);
    const problem = make('p', { class: 'live-problem', role: 'alert' });
    let label = null;
    let waiting = false;

    function show(pixels, about) {
      problem.textContent = '';
      paintPixels(shown, pixels, shape);
      shown.setAttribute('aria-label', 'What the network sees: ' + about
        + '. Paint on it with the pointer, or with the keyboard: arrow keys move the brush, with '
        + 'Shift further, Space paints, Escape leaves.');
      onChange(pixels, label);
    }
    function look(about) {
      const data = context.getImageData(0, 0, sheet.width, sheet.height).data;
      show(shrink(data, shape, factor), about);
    }
    function lookSoon(about) {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; look(about); });
    }

    // Test images

    const thumbnails = network.images.map((pixels, number) => {
      const canvas = make('canvas', { 'aria-hidden': 'true' });
      paintPixels(canvas, pixels, shape);
      const name = network.class_names[network.labels[number]];
      const thumbnail = button('', { class: 'live-thumbnail', 'aria-label': name, title: name });
      thumbnail.append(canvas);
      thumbnail.addEventListener('click', () => choose(number));
      return thumbnail;
    });
    function press(number) {
      thumbnails.forEach((thumbnail, n) =>
        thumbnail.setAttribute('aria-pressed', String(n === number)));
      label = number === null ? null : network.labels[number];
    }
    function choose(number) {
      press(number);
      const small = make('canvas', {});
      paintPixels(small, network.images[number], shape);
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, sheet.width, sheet.height);
      // Not read back from the sheet: some browsers add noise to what is read.
      show(network.images[number], 'a test image of class ' + network.class_names[label]);
    }

    // Painting

    const paints = PAINTS[shape[2]] || PAINTS[3];
    const ink = empty === '#000000' ? 'white' : 'black';
    const group = 'paint-' + holder.dataset.network;
    const swatches = Object.keys(paints).map(name => {
      const input = make('input', { type: 'radio', name: group, value: paints[name],
        'aria-label': name });
      input.checked = name === ink;
      input.style.setProperty('--paint', paints[name]);
      return input;
    });
    const width = make('input', { type: 'range', min: '1', max: '12', value: '5' });
    const paint = () => swatches.find(swatch => swatch.checked).value;
    function fill(colour) {
      press(null);
      context.fillStyle = colour;
      context.fillRect(0, 0, sheet.width, sheet.height);
      look('an empty sheet');
    }
    let last = null;
    function stroke(x, y) {
      context.strokeStyle = paint();
      context.lineWidth = width.value / 40 * sheet.width;
      context.lineCap = 'round';
      context.beginPath();
      context.moveTo(last ? last.x : x, last ? last.y : y);
      context.lineTo(x, y);
      context.stroke();
      last = { x, y };
      lookSoon('a picture painted here');
    }
    function strokeTo(event) {
      const box = shown.getBoundingClientRect();
      stroke((event.clientX - box.left) / box.width * sheet.width,
        (event.clientY - box.top) / box.height * sheet.height);
    }
    shown.addEventListener('pointerdown', event => {
      if (event.button) return;
      event.preventDefault();
      shown.setPointerCapture(event.pointerId);
      strokeTo(event);
    });
    shown.addEventListener('pointermove', event => { if (last) strokeTo(event); });
    ['pointerup', 'pointercancel', 'blur'].forEach(name =>
      shown.addEventListener(name, () => { last = null; }));

    // Painting by keyboard: the cursor is the brush, and stands on one of the network's pixels.

    const cursor = make('span', { class: 'live-cursor', 'aria-hidden': 'true' });
    const easel = make('div', { class: 'live-easel' }, shown, cursor);
    const at = [Math.floor(shape[0] / 2), Math.floor(shape[1] / 2)];
    function showCursor() {
      cursor.style.top = 100 * (at[0] + 0.5) / shape[0] + '%';
      cursor.style.left = 100 * (at[1] + 0.5) / shape[1] + '%';
      cursor.style.width = 100 * width.value / 40 + '%';
    }
    const strokeHere = () => stroke((at[1] + 0.5) * factor, (at[0] + 0.5) * factor);
    function moveCursor(step, far) {
      step.forEach((by, axis) => {
        at[axis] = Math.max(0, Math.min(shape[axis] - 1, at[axis] + by * (far ? 4 : 1)));
      });
      showCursor();
      if (last) strokeHere();   // Space is held down
      else say('row ' + (at[0] + 1) + ', column ' + (at[1] + 1));
    }
    shown.addEventListener('keydown', event => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1],
        ArrowRight: [0, 1] }[event.key];
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (step) moveCursor(step, event.shiftKey);
      else if (event.key === ' ') { if (!event.repeat) strokeHere(); }
      else if (event.key === 'Escape') swatches.find(swatch => swatch.checked).focus();
      else return;
      event.preventDefault();
    });
    shown.addEventListener('keyup', event => { if (event.key === ' ') last = null; });
    width.addEventListener('input', showCursor);
    showCursor();

    const clear = button('Clear');
    const flood = button('Fill');
    clear.addEventListener('click', () => fill(empty));
    flood.addEventListener('click', () => fill(paint()));

    // Files

    async function open(file) {
      if (!file) return;
      try {
        const picture = await createImageBitmap(file);
        context.fillStyle = '#ffffff';
        context.fillRect(0, 0, sheet.width, sheet.height);
        drawCropped(context, picture);
        press(null);
        look('the picture ' + file.name);
      } catch (_) {
        problem.textContent = file.name + ' is not a picture that this browser can read. '
          + 'Take a JPEG, PNG or WebP file.';
      }
    }
    const file = make('input', { type: 'file', accept: 'image/*', class: 'live-unseen' });
    file.addEventListener('change', () => { open(file.files[0]); file.value = ''; });
    ['dragenter', 'dragover'].forEach(name => holder.addEventListener(name, event => {
      event.preventDefault();
      holder.classList.add('live-target');
    }));
    ['dragleave', 'drop'].forEach(name =>
      holder.addEventListener(name, () => holder.classList.remove('live-target')));
    holder.addEventListener('drop', event => {
      event.preventDefault();
      open(event.dataTransfer.files[0]);
    });

    const tools = make('div', { class: 'live-tools' },
      make('fieldset', { class: 'live-paints' },
        make('legend', { class: 'live-unseen' }, 'Colour of the brush'), ...swatches),
      make('label', { class: 'live-width' }, 'Brush', width), flood, clear,
      make('label', { class: 'live-open' }, 'Open a picture', file), problem);
    const choice = make('div', { class: 'live-choice', role: 'group',
      'aria-label': 'Test images' }, ...thumbnails);
    choice.style.setProperty('--images', thumbnails.length);
    return { choice, easel, tools, choose };
  }

  return { start };
}());
