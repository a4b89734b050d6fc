// One experiment on a card, or two side by side. Verdicts and intervals are those of the evidence;
// where it has none, a plain difference is called so and nothing is concluded from it.
(function () {
  'use strict';
  const { make, code, button, data, table, facts, isNumber, percent, count, signed, interval,
    copyButton, linkTo, cited, go, show, route } = pageParts;
  if (!document.getElementById('explorer-data') || !window.HTMLDialogElement) return;
  const known = () => data('explorer-data');
  const rowOf = id => known().rows.find(row => row.id === id);
  const labelOf = id => (rowOf(id) ? rowOf(id).label : id);
  const head = text => make('h3', {}, text);
  const cardButton = id => button(labelOf(id), { class: 'experiment-button', title: id },
    () => go('experiment-' + id));

  const scoreText = ([mean, deviation]) => (isNumber(mean) ? percent(mean)
    + (isNumber(deviation) ? ' ± ' + percent(deviation) : '') + ' %' : 'no complete run');
  const seconds = value => (isNumber(value) ? value.toFixed(value < 10 ? 1 : 0) : '–');

  // Differences

  // What the evidence says of two experiments: the way round in which it says it.
  function judged(one, other) {
    const said = (row, reference) => row.against.filter(entry => entry.reference === reference.id)
      .map(entry => ({ ...entry, row, other: reference }));
    return [...said(one, other), ...said(other, one)][0];
  }

  function differenceText(entry) {
    const range = isNumber(entry.lower) ? ' (' + interval(entry.lower, entry.upper) + ')' : '';
    return signed(entry.difference) + ' points' + range;
  }

  // Quarto's page has the same ids as Pandoc's.
  function sectionLink(question) {
    const id = 'sec-question-' + question;
    const title = known().questions[question].title;
    return document.getElementById(id) ? make('a', { href: '#' + id }, title) : title;
  }

  const isRanking = entry => entry.file === 'evidence/orders.csv';

  function verdictLines(row) {
    return row.against.map(entry => ['Against ' + labelOf(entry.reference), differenceText(entry),
      ...(entry.verdict ? [': ', make('strong', {}, entry.verdict)] : []),
      ...(entry.question ? [', in ', sectionLink(entry.question)] : []),
      ...(isRanking(entry) ? [', for a published ranking'] : []),
      ...(isNumber(entry.seeds_to_settle)
        ? ['; about ' + entry.seeds_to_settle + ' seeds would settle it'] : [])]);
  }

  // Settings

  const settingsOf = row => ({ ...known().base, ...row.changed });

  function settingRows(one, other) {
    const [a, b] = [settingsOf(one), settingsOf(other)];
    return Object.keys(a).filter(name => a[name] !== b[name])
      .map(name => [code(name), a[name], b[name]]);
  }

  function settings(one, other, names) {
    const lines = settingRows(one, other);
    return lines.length ? table(['Setting', ...names], lines)
      : make('p', {}, 'The same settings.');
  }

  // Scores, seed by seed

  const runText = ([, status, , test]) => (status === 'complete' ? percent(test) : status);

  function seedTable(row) {
    return table(['Seed', 'Validation (%)', 'Test (%)'], row.seeds.map(run => (
      [String(run[0]), run[1] === 'complete' ? percent(run[2]) : '–', runText(run)])));
  }

  function seedPairs(one, other) {
    const second = new Map(other.seeds.map(run => [run[0], run]));
    const seeds = Array.from(new Set([...one.seeds, ...other.seeds].map(([seed]) => seed)));
    const first = new Map(one.seeds.map(run => [run[0], run]));
    return table(['Seed', one.label, other.label, 'Difference'], seeds.sort((a, b) => a - b).map(
      seed => {
        const [a, b] = [first.get(seed), second.get(seed)];
        const both = a && b && a[1] === 'complete' && b[1] === 'complete';
        return [String(seed), a ? runText(a) : '–', b ? runText(b) : '–',
          both ? signed(a[3] - b[3]) : '–'];
      }));
  }

  // Learning curves: mean accuracies after each epoch

  function shape(tag, attributes, text) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    if (text !== undefined) element.textContent = text;
    return element;
  }

  const SIZE = { width: 420, height: 230, left: 34, right: 8, top: 10, bottom: 34 };

  function scales(lines) {
    const values = lines.flatMap(({ values: its }) => its);
    const epochs = Math.max(...lines.map(({ values: its }) => its.length));
    const step = 0.1;
    const low = Math.floor(Math.min(...values) / step) * step;
    const high = Math.max(low + step, Math.ceil(Math.max(...values) / step) * step);
    const { width, height, left, right, top, bottom } = SIZE;
    return { epochs, low, high, step,
      x: epoch => left + (width - left - right) * (epochs < 2 ? 0.5 : (epoch - 1) / (epochs - 1)),
      y: value => top + (height - top - bottom) * (high - value) / (high - low) };
  }

  function axes(svg, { epochs, low, high, step, x, y }) {
    for (let value = low; value < high + step / 2; value += step) {
      svg.append(shape('line', { x1: SIZE.left, x2: SIZE.width - SIZE.right, y1: y(value),
        y2: y(value), class: 'grid' }),
      shape('text', { x: SIZE.left - 6, y: y(value) + 4, 'text-anchor': 'end' },
        String(Math.round(100 * value))));
    }
    const base = SIZE.height - SIZE.bottom + 16;
    Array.from(new Set([1, Math.ceil(epochs / 2), epochs])).forEach(epoch => svg.append(
      shape('text', { x: x(epoch), y: base, 'text-anchor': 'middle' }, String(epoch))));
    svg.append(shape('text', { x: SIZE.left, y: base + 14 }, 'epoch; accuracy in %'));
  }

  function curveLines(rows) {
    return rows.flatMap((row, number) => ['validation', 'training'].map(kind => (
      { row, kind, class: kind + ' line-' + number, values: row.curve[kind] })))
      .filter(({ values }) => values.length);
  }

  function curves(...rows) {
    const lines = curveLines(rows);
    if (!lines.length) return make('p', {}, 'No learning curve is recorded here.');
    const scale = scales(lines);
    const svg = shape('svg', { viewBox: '0 0 ' + SIZE.width + ' ' + SIZE.height, class: 'curves',
      role: 'img', 'aria-label': lines.map(({ row, kind, values }) => row.label + ', ' + kind
        + ' accuracy: ' + percent(values[0], 1) + ' % after the first epoch, '
        + percent(values[values.length - 1], 1) + ' % after the last').join('; ') });
    axes(svg, scale);
    lines.forEach(line => {
      const points = line.values.map((value, place) => (
        scale.x(place + 1).toFixed(1) + ',' + scale.y(value).toFixed(1)));
      svg.append(shape('polyline', { points: points.join(' '), class: line.class }));
    });
    const legend = make('p', { class: 'curve-legend' }, ...lines.map(line => make('span', {},
      keyOf(line.class), (rows.length > 1 ? line.row.label + ', ' : '') + line.kind)));
    return make('div', { class: 'curve-box' }, svg, legend);
  }

  function keyOf(kind) {
    const svg = shape('svg', { viewBox: '0 0 26 8', class: 'curves key', 'aria-hidden': 'true' });
    svg.append(shape('polyline', { points: '1,4 25,4', class: kind }));
    return svg;
  }

  // Classes

  function classTable(one, other, verdicts) {
    return table(['Class', one.label + ' (%)', other.label + ' (%)', 'Difference',
      ...(verdicts ? ['Verdict'] : [])], known().classes.map((name, place) => (
      [name, percent(one.classes[place]), percent(other.classes[place]),
        signed(one.classes[place] - other.classes[place]),
        ...(verdicts ? [verdicts[place][1]] : [])])));
  }

  function classes(one, other, entry) {
    if (!one.classes.some(isNumber) || !other.classes.some(isNumber)) {
      return [make('p', {}, 'Not recorded class by class for both.')];
    }
    const same = entry && entry.classes && entry.classes.length ? entry : null;
    return [classTable(same ? same.row : one, same ? same.other : other, same && same.classes),
      make('p', { class: 'fine' }, same ? 'Verdicts are corrected over the classes.'
        : 'Plain differences of the means over the runs; no verdict.')];
  }

  // Costs

  const ratio = (a, b) => (isNumber(a) && isNumber(b) && b ? (a / b).toFixed(2) + ' ×' : '–');

  const kilojoules = joules => (isNumber(joules) && joules < 1000 ? (joules / 1000).toFixed(2)
    : seconds(isNumber(joules) ? joules / 1000 : null));

  function costs(one, other) {
    const measured = known().rows.some(row => isNumber(row.joules));
    return table(['Costs', one.label, ...(other ? [other.label, 'The first to the second'] : [])], [
      ['MACs for an image', 'macs', count], ['Parameters', 'parameters', count],
      [known().seconds[0].toUpperCase() + known().seconds.slice(1), 'seconds', seconds],
      ...(measured ? [['Energy of a training, kJ', 'joules', kilojoules]] : []),
    ].map(([name, key, write]) => [name, write(one[key]),
      ...(other ? [write(other[key]), ratio(one[key], other[key])] : [])]));
  }

  // The card

  function sources(row) {
    const files = row.kind === 'winner' ? ['tables/search-runs.csv', 'evidence/search-prices.csv']
      : ['tables/experiments.csv', 'tables/runs.csv', 'tables/epochs.csv', 'tables/classes.csv',
        ...new Set(row.against.map(entry => entry.file))];
    return make('p', { class: 'fine' }, 'From ', ...files.flatMap((file, place) => (
      [place ? ', ' : '', code(known().results + '/' + file)])), '.');
  }

  function commandOf(row) {
    const { study } = known();
    return row.kind === 'winner' ? 'python -m cnn_study search ' + study
      : 'snakemake --cores all ' + row.id + ' --config study=' + study;
  }

  function citation(row) {
    return row.label + ' (' + row.id + ' of the study ' + known().study + '): test ' + known().metric + ' '
      + scoreText(row.test) + ', ' + row.complete + ' runs. '
      + cited('experiment-' + row.id);
  }

  function chooser(row) {
    const select = make('select', { 'aria-label': 'Compare with' },
      ...known().rows.filter(other => other !== row).map(other => (
        make('option', { value: other.id }, other.label))));
    const [entry] = row.against;
    if (entry) select.value = entry.reference;
    return make('p', { class: 'chooser' }, select, button('Compare', { class: 'small-button' },
      () => go('compare=' + row.id + ',' + select.value)));
  }

  const dash = values => values.filter(value => value !== null);

  function freshLine({ fresh }) {
    return fresh && ['With fresh seeds', differenceText(fresh) + ' against '
      + labelOf(fresh.reference) + ': ' + fresh.outcome];
  }

  function summary(row) {
    const runs = document.getElementById('runs-' + row.id);
    return facts(dash([
      ['Id', code(row.id)],
      ['Test ' + known().metric, make('strong', {}, scoreText(row.test)),
        ', ' + row.complete + ' of ' + row.planned + ' runs complete'],
      row.interval ? ['Interval', percent(row.interval[0]) + ' to ' + percent(row.interval[1]) + ' %'] : null,
      known().accuracy ? ['Test accuracy', scoreText(row.accuracy)] : null,
      ['Validation ' + known().metric, scoreText(row.validation)],
      ...verdictLines(row), freshLine(row),
      isNumber(row.calibration) ? ['Calibration error', percent(row.calibration) + ' points'] : null,
      runs ? ['Runs', make('a', { href: '#runs-' + row.id }, 'fingerprint and commit')] : null,
    ]));
  }

  function referenceOf(row) {
    return rowOf(row.against.length ? row.against[0].reference : 'base');
  }

  function openCard(id) {
    const row = rowOf(id);
    if (!row) return;
    const reference = referenceOf(row);
    const compared = reference === row ? [] : [
      head('What was changed'), settings(row, reference, ['Here', 'In ' + reference.label])];
    show('experiment', row.label, [
      copyButton('Copy link', () => linkTo('experiment-' + id)),
      copyButton('Copy citation', () => citation(row))],
    summary(row), ...compared, head('Learning curve'), curves(row),
    head('Runs'), seedTable(row),
    ...(reference === row ? [] : [head('Classes'), ...classes(row, reference, judged(row, reference))]),
    head('Costs'), costs(row, reference === row ? null : reference),
    head('Compare with'), chooser(row),
    head('Make it again'), make('pre', { tabindex: '0' }, commandOf(row)), sources(row));
  }

  // Two side by side

  function comparison(one, other) {
    const entry = judged(one, other);
    if (!entry) {
      const [a, b] = [one.test[0], other.test[0]];
      return isNumber(a) && isNumber(b) ? [make('p', {}, make('strong', {}, signed(a - b) + ' points'),
        ': the plain difference of the means, ' + one.label + ' less ' + other.label
        + '. The evidence does not judge these two against each other, so it says nothing of how '
        + 'much of it is luck.')] : [make('p', {}, 'One of them has no complete run.')];
    }
    const family = entry.question ? ['. Judged in ', sectionLink(entry.question), '.']
      : [isRanking(entry) ? ', judged for a ranking that somebody published.' : '.'];
    return [make('p', {}, entry.row.label, ' against ', entry.other.label, ': ',
      make('strong', {}, differenceText(entry)), ', ',
      entry.verdict ? make('strong', {}, entry.verdict) : 'without a verdict', ...family,
      ' The interval is meant to hold the true difference in ' + percent(known().level, 0)
      + ' % of studies.'), make('p', { class: 'fine' }, 'From ', code(known().results + '/' + entry.file), '.')];
  }

  function openComparison(ids) {
    const [one, other] = ids.split(',').map(rowOf);
    if (!one || !other || one === other) return;
    const names = [one.label, other.label];
    show('experiment', names.join(' and '), [
      copyButton('Copy link', () => linkTo('compare=' + ids)),
      cardButton(one.id), cardButton(other.id),
      button('Swap', { class: 'small-button' }, () => go('compare=' + other.id + ',' + one.id))],
    table(['Test ' + known().metric, ...names], [['Mean ± standard deviation', scoreText(one.test), scoreText(other.test)],
      ['Validation', scoreText(one.validation), scoreText(other.validation)]]),
    ...comparison(one, other),
    head('Settings that differ'), settings(one, other, names),
    head('Learning curves'), curves(one, other),
    head('Test ' + known().metric + ', seed by seed (%)'), seedPairs(one, other),
    make('p', { class: 'fine' }, 'Plain differences, run by run.'),
    head('Classes'), ...classes(one, other, judged(one, other)),
    head('Costs'), costs(one, other));
  }

  route('experiment', 'experiment-', openCard);
  route('experiment', 'compare=', openComparison);

  // Experiments that the text names

  const named = target => target.closest && target.closest('.experiment[data-experiment]');
  document.addEventListener('click', event => {
    const span = named(event.target);
    if (span && !event.target.closest('a') && rowOf(span.dataset.experiment)) {
      go('experiment-' + span.dataset.experiment);
    }
  });
  document.addEventListener('keydown', event => {
    const span = named(event.target);
    if (span && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      go('experiment-' + span.dataset.experiment);
    }
  });
})();
