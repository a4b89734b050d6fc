// A button at each drawing saves it, as SVG or PNG, in the colours of a light page.
(function () {
  'use strict';
  const { button, save } = pageParts;
  const DARK = '(prefers-color-scheme: dark)';
  const SCALE = 3;              // pixels of a PNG for one of the drawing

  function drawing(image) {
    const [, kind, text] = image.src.match(/^data:image\/svg\+xml([^,]*),([\s\S]*)$/) || [];
    if (text === undefined) return null;
    const svg = /;base64/.test(kind)
      ? new TextDecoder().decode(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)))
      : decodeURIComponent(text);
    return svg.replace(/\((prefers-color-scheme: dark)\)|(?<=@media )(?:all|not all)(?= *\{)/g, 'not all');
  }

  function png(svg, width, height) {
    return new Promise((resolve, reject) => {
      const image = new Image();
      image.addEventListener('error', reject);
      image.addEventListener('load', () => {
        const canvas = document.createElement('canvas');
        canvas.width = SCALE * width;
        canvas.height = SCALE * height;
        const context = canvas.getContext('2d');
        context.fillStyle = '#ffffff';
        context.fillRect(0, 0, canvas.width, canvas.height);
        context.drawImage(image, 0, 0, canvas.width, canvas.height);
        canvas.toBlob(resolve, 'image/png');
      });
      image.src = 'data:image/svg+xml,' + encodeURIComponent(svg);
    });
  }

  const file = svg => new Blob([svg], { type: 'image/svg+xml' });
  const ways = {
    SVG: (image, name) => save(name + '.svg', file(drawing(image))),
    PNG: (image, name) => png(drawing(image), image.naturalWidth, image.naturalHeight)
      .then(blob => save(name + '.png', blob)),
  };

  document.querySelectorAll('figure[id], .quarto-float[id^="fig-"]').forEach(figure => {
    const image = figure.querySelector('img[src^="data:image/svg"]');
    const caption = figure.querySelector('figcaption');
    if (!image || !caption) return;
    const name = figure.id.replace(/^fig-/, '');
    Object.entries(ways).forEach(([way, act]) => caption.append(' ', button(way, { class: 'save',
      title: 'Save this figure as ' + way, 'aria-label': 'Save ' + figure.id + ' as ' + way },
    () => act(image, name))));
    // On a phone a drawing scrolls, so that its words can be read, or is seen as a whole.
    caption.append(' ', button('Whole', { class: 'save fit', 'aria-pressed': 'false',
      'aria-label': 'Fit ' + figure.id + ' to the screen' }, pressed => (
      pressed.setAttribute('aria-pressed', String(figure.classList.toggle('whole'))))));
  });
})();
