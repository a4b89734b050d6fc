// Predict, then see: the reader guesses an effect, and sees the guess beside the interval.
(function () {
  'use strict';
  const boxes = Array.from(document.querySelectorAll('.predict[data-change]'));
  if (!boxes.length) return;
  const points = share => 100 * Number(share);
  const signed = number => (Math.abs(number) < 0.005 ? '0.00'
    : (number < 0 ? '−' : '+') + Math.abs(number).toFixed(2));

  const { make } = pageParts;

  // Everything between the guesses of a group and the next heading is their evidence.
  function gather(guesses) {
    const evidence = make('div', { class: 'evidence' });
    const start = guesses.closest('.content-visible') || guesses;
    while (start.nextElementSibling && !/^(H[1-6]|SECTION)$/.test(start.nextElementSibling.tagName)) {
      evidence.append(start.nextElementSibling);
    }
    start.after(evidence);
    return evidence;
  }

  // A line of percentage points with the interval, its mean and the guess.
  function line(guess, mean, lower, upper) {
    const reach = Math.ceil(Math.max(2, ...[guess, lower, upper].map(Math.abs)) * 1.15);
    const at = value => 10 + 320 * (value + reach) / (2 * reach);
    const shape = (tag, attributes) => {
      const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
      Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
      return element;
    };
    const svg = shape('svg', { viewBox: '0 0 340 56', class: 'predict-line', 'aria-hidden': 'true' });
    const text = (x, y, words, role) => {
      const element = shape('text', { x, y, class: role, 'text-anchor': 'middle' });
      element.textContent = words;
      svg.append(element);
    };
    svg.append(shape('line', { x1: 10, x2: 330, y1: 34, y2: 34, class: 'axis' }),
      shape('line', { x1: at(0), x2: at(0), y1: 26, y2: 42, class: 'axis' }),
      shape('line', { x1: at(lower), x2: at(upper), y1: 34, y2: 34, class: 'interval' }),
      shape('line', { x1: at(mean), x2: at(mean), y1: 26, y2: 42, class: 'interval' }),
      shape('circle', { cx: at(guess), cy: 34, r: 6, class: 'guess' }));
    text(at(0), 54, '0', 'words');
    text(Math.min(Math.max(at(mean), 40), 300), 20, 'runs ' + signed(mean), 'words');
    text(Math.min(Math.max(at(guess), 40), 300), at(guess) - at(mean) < 90 && at(mean) - at(guess) < 90
      ? 8 : 20, 'guess ' + guessed(guess), 'words');
    return svg;
  }

  // One scale for all guesses, so that it gives no answer away. Its ends stand for what lies beyond,
  // or a single outlier would leave the others a few pixels.
  const scale = 15;
  const atEnd = guess => Math.abs(guess) === scale;
  const guessed = guess => signed(guess) + (!atEnd(guess) ? '' : guess < 0 ? ' or lower' : ' or more');
  // A guess at an end is right about whatever lies there or further out.
  const reaches = (guess, value) => atEnd(guess) && Math.sign(guess) * value >= scale;

  const tally = { made: 0, inside: 0, sign: 0 };
  const score = make('p', { class: 'predict-tally', 'aria-live': 'polite' });

  function prepare(box, number, shows) {
    const [mean, lower, upper] = ['difference', 'lower', 'upper'].map(key => points(box.dataset[key]));
    const id = 'guess-' + number;
    const input = make('input', { type: 'range', id, min: -scale, max: scale, step: 0.5, value: 0,
      'aria-valuetext': '0.00 percentage points' });
    const shown = make('output', { for: id }, '0.00');
    const button = make('button', { type: 'button' }, 'Compare with the runs');
    const result = make('div', { class: 'predict-result', 'aria-live': 'polite' });
    const old = box.querySelector('.predict-answers');
    if (old) old.remove();
    const label = make('label', { for: id }, 'Your guess, in percentage points: ', shown);
    box.append(make('div', { class: 'predict-form' }, label, input, button), result);
    input.addEventListener('input', () => {
      shown.textContent = guessed(Number(input.value));
      input.setAttribute('aria-valuetext', guessed(Number(input.value)) + ' percentage points');
    });
    button.addEventListener('click', () => {
      const guess = Number(input.value);
      const inside = (lower <= guess && guess <= upper)
        || reaches(guess, guess < 0 ? lower : upper);
      const verdict = { helps: 'helps', hurts: 'hurts' }[box.dataset.verdict]
        || 'is called ' + box.dataset.verdict;
      result.replaceChildren(line(guess, mean, lower, upper), make('p', {},
        'You guessed ' + guessed(guess) + '; the runs give ' + signed(mean) + ', with an interval from '
        + signed(lower) + ' to ' + signed(upper) + '. ' + (inside ? 'Your guess lies inside it. '
        : 'Your guess lies outside. ') + box.dataset.label + ' ' + verdict + '.'));
      if (!box.dataset.guessed) {
        tally.made += 1;
        tally.inside += inside;
        tally.sign += Math.sign(guess) === Math.sign(mean);
        score.textContent = tally.made + ' of ' + boxes.length + ' guessed: ' + tally.sign
          + ' with the right sign, ' + tally.inside + ' inside the interval.';
      }
      box.dataset.guessed = 'yes';
      shows();
    });
  }

  // The answers of a group stand together, so they are hidden until all its guesses are made.
  const all = Array.from(document.querySelectorAll('.guesses'), guesses => {
    const own = boxes.filter(box => guesses.contains(box));
    const evidence = gather(guesses);
    const asks = () => own.some(box => !box.dataset.guessed);
    own.forEach(box => prepare(box, boxes.indexOf(box), () => {
      if (!asks()) evidence.removeAttribute('hidden');
    }));
    return { asks, evidence };
  });
  const place = document.querySelector('.predict-mode');
  if (place) {
    const input = make('input', { type: 'checkbox', id: 'guess-mode' });
    input.addEventListener('change', () => all.forEach(({ asks, evidence }) => {
      if (input.checked && asks()) evidence.setAttribute('hidden', 'until-found');
      else evidence.removeAttribute('hidden');
    }));
    place.append(make('label', { for: 'guess-mode' }, input, ' Hide the answers of a group until I have guessed'),
      score);
  }

  // A link into hidden evidence opens it.
  function reveal() {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const evidence = target && target.closest('.evidence[hidden]');
    if (evidence) { evidence.removeAttribute('hidden'); target.scrollIntoView(); }
  }
  addEventListener('hashchange', reveal);
})();
