// Receipts: a click on a number shows where it comes from. The page reads well without it.
(function () {
  'use strict';
  const { make, code, once, button, data, table, facts, copyButton, linkTo, cited, show, route }
    = pageParts;
  const numbers = Array.from(document.querySelectorAll('.receipt[data-key]'));
  if (!document.getElementById('receipts') || !numbers.length || !window.HTMLDialogElement) return;
  let known = null;             // read when the first receipt is opened

  const words = row => Object.entries(row).map(([name, value]) => name + ' ' + value).join(', ');
  const short = text => (text || '–').slice(0, 10);

  // A number that somebody else printed: the entry of the list of references.
  function cite(key) {
    const entry = document.getElementById('ref-' + key);
    return entry ? entry.textContent.trim() : key;
  }

  // A description may go on from those of other columns: these come first, by name.
  function meaning({ meaning: lines, unit }) {
    const parts = lines.flatMap(([name, text], place) => (
      place === lines.length - 1 ? [text] : [code(name), ': ' + text + ' ']));
    if (lines.length > 1) parts.splice(-1, 0, code(lines[lines.length - 1][0]), ': ');
    return ['Meaning', ...parts, unit ? ' Unit: ' + unit + '.' : ''];
  }

  // Shares are printed in percent or in percentage points: so they are shown, and as they are stored.
  function shown(value, { shown: unit }) {
    const hundredfold = String(Number((100 * Number(value)).toPrecision(10))).replace('-', '−');
    return unit && value !== '' ? [make('strong', {}, hundredfold + ' ' + unit), ', in the file ' + value]
      : [make('strong', {}, value)];
  }

  const called = id => known.labels[id] || id;
  const whose = ({ experiment }) => (experiment in known.labels
    ? [['Experiment', called(experiment) + ' ', code(experiment)]] : []);

  // One table, one column: what it means, where it lies, and the cells that the number is made of.
  function place(name, column, cells) {
    const from = known.tables[name];
    const sources = once(cells.map(cell => cell.source).filter(Boolean));
    const reasons = once(cells.map(cell => cell.why).filter(Boolean));
    const list = [[from.kind, from.title + '. ' + from.description], meaning(from.columns[column]),
      ...sources.map(key => ['Printed in', cite(key)]),
      ...reasons.map(why => ['Runs', 'none: ' + why + '.'])];
    const path = code(from.path || known.results + '/' + from.file);
    const file = [from.kind === 'Figure' || from.path ? ['File', path]
      : ['File', path, ', column ', code(column)], ['sha256', code(from.sha256)]];
    if (cells.length === 1) {
      const [{ value, row, line, beside }] = cells;
      return [facts([['Value', ...shown(value, from.columns[column])], ...whose(row), ...beside,
        ...list,
        ['Row', words(row) + (line ? ' (line ' + line + ')' : '')], ...file])];
    }
    // What is the same for all cells stands above them.
    const said = cells.map(({ beside }) => new Map(beside));
    const [varying, shared] = [true, false].map(varies => (
      once(said.flatMap(one => Array.from(one.keys())))
        .filter(label => said.some(one => one.get(label) !== said[0].get(label)) === varies)));
    return [facts([...shared.map(label => [label, said[0].get(label)]), ...list, ...file]),
      table(['Row', 'Value', 'Line', ...varying], cells.map(({ value, row, line }, number) => (
        [words(row), value, line ? String(line) : '–',
          ...varying.map(label => said[number].get(label))])))];
  }

  const percent = share => (100 * share).toFixed(2) + ' %';
  const score = (status, share) => (
    status === 'complete' && share !== null ? percent(share) : status);

  function folded(summary, content, open) {
    const details = make('details', {}, make('summary', {}, ...summary), content);
    details.open = open;
    return details;
  }

  function runs(experiment, seeds, open) {
    const lines = known.experiments[experiment].filter(([seed]) => seeds.has(seed)).map(
      ([seed, status, share, record, weights, commit]) => [String(seed), score(status, share),
        code(short(weights)), code(short(commit)), code(record || '–')]);
    return folded([called(experiment) + ' ', code(experiment), ': ' + (seeds.size === 1 ? 'seed ' : 'seeds ')
      + Array.from(seeds).sort((a, b) => a - b).join(', ')],
    table(['Seed', 'Test ' + known.metric, 'sha256 of weights', 'Commit', 'Record in ' + known.results],
      lines), open);
  }

  // Runs of the search, of one budget and stage; many are folded. Of others than winners the receipt
  // shows validation scores alone: nothing is chosen by test scores.
  const MOST_SHOWN = 10;
  const counted = (count, noun) => count + ' ' + noun + (count === 1 ? '' : 's');
  const stages = { trial: ['trial', ''], finalist: ['finalist', ', with new seeds'],
    winner: ['winner', ', with seeds that chose nothing'] };

  function searchRuns(budget, stage, lines, open) {
    const tested = stage === 'winner';
    const [noun, seeds] = stages[stage];
    const models = once(lines.map(({ trial }) => trial)).length;
    return folded([(known.budgets[budget] || budget) + ': ' + counted(models, noun) + ', '
      + counted(lines.length, 'run') + seeds],
    table(['Trial', 'Seed', 'Validation ' + known.metric, ...(tested ? ['Test ' + known.metric] : []),
      'sha256 of weights', 'Record in ' + known.results],
    lines.map(({ trial, seed, status, validation, test, record, weights }) => [String(trial),
      String(seed), score(status, validation), ...(tested ? [score(status, test)] : []),
      code(short(weights)), code(record)])), open);
  }

  function searched(places) {
    const groups = new Map();
    Array.from(places).sort((a, b) => a - b).forEach(place => {
      const [budget, stage, trial, seed, status, validation, test, record, weights] = known.searched[place];
      const group = budget + ':' + stage;
      groups.set(group, (groups.get(group) || []).concat(
        [{ trial, seed, status, validation, test, record, weights }]));
    });
    return Array.from(groups, ([group, lines], place) => (
      searchRuns(...group.split(':'), lines, place < 2 && lines.length <= MOST_SHOWN)));
  }

  function commands(tables, experiments, search) {
    const made = new Set(tables.map(name => known.tables[name].made));
    const lines = experiments.length ? [
      '# trains what has no record; set a record aside to train it again',
      'snakemake --cores all ' + experiments.join(' ') + ' --config study=' + known.study] : [];
    if (search) {
      lines.push('# trains what has no record; set ' + known.results + '/search aside to search again',
        'python -m cnn_study search ' + known.study);
    }
    const confirmed = ['tables', 'analyse', ...(known.confirms ? ['confirm'] : []), 'confirmed'];
    const steps = { tables: ['tables'], analyse: ['tables', 'analyse'], confirmed,
      figures: [...confirmed, 'figures'], inspect: ['inspect'], check: ['check'] };
    once(Array.from(made).flatMap(stage => steps[stage])).forEach(step => (
      lines.push('python -m cnn_study ' + step + ' ' + known.study)));
    return [make('h3', {}, 'Make it again'), make('pre', { tabindex: '0' }, lines.join('\n'))];
  }

  // A single number, as others can quote it: what it is, where it lies, in which edition.
  function citation(number) {
    const [how, ...keys] = number.dataset.key.split(';');
    const cells = keys.map(key => {
      const [name, , column] = key.split(':');
      const { path, file, sha256 } = known.tables[name];
      const { value, row } = known.cells[key];
      const id = row.experiment in known.labels ? called(row.experiment) + ', ' : '';
      return value + ' (' + id + (path || known.results + '/' + file) + ', ' + words(row) + ', column '
        + column + ', sha256 ' + short(sha256) + ')';
    });
    return number.textContent.trim() + (how ? ', the ' + how + ' ' : ': ') + cells.join('; ') + '. '
      + cited('receipt=' + number.dataset.key);
  }

  function open(number) {
    known = known || data('receipts');
    const [how, ...keys] = number.dataset.key.split(';');
    const groups = new Map();
    const experiments = new Map();
    const places = new Set();
    keys.forEach(key => {
      const [table, , column] = key.split(':');
      const group = table + ':' + column;
      const cell = known.cells[key];
      groups.set(group, (groups.get(group) || []).concat([cell]));
      cell.experiments.forEach(id => experiments.set(id,
        new Set([...(experiments.get(id) || []), ...(cell.seeds[id] || cell.seeds)])));
      (cell.searched || []).forEach(place => places.add(place));
    });
    const content = how ? [make('p', {}, 'The ' + how + ' these cells:')] : [];
    groups.forEach((cells, group) => content.push(...place(...group.split(':'), cells)));
    const ids = Array.from(experiments.keys());
    if (ids.length) content.push(make('h3', {}, ids.length === 1 ? 'Runs behind it'
      : 'Runs behind it, of ' + ids.length + ' experiments'));
    content.push(...ids.map((id, place) => runs(id, experiments.get(id), place < 2)));
    if (places.size) content.push(make('h3', {}, 'Runs of the search behind it'), ...searched(places));
    const tables = Array.from(groups.keys()).map(group => group.split(':')[0]);
    content.push(...commands(tables, ids, places.size > 0));
    show('receipt', number.textContent, [
      copyButton('Copy link', () => linkTo('receipt=' + number.dataset.key)),
      copyButton('Copy citation', () => citation(number))], ...content);
  }

  // A link to a receipt opens it.
  route('receipt', 'receipt=', key => {
    const number = numbers.find(each => each.dataset.key === key);
    if (number) open(number);
  });

  document.addEventListener('click', event => {
    const number = event.target.closest('.receipt[data-key]');
    if (number && !event.target.closest('a')) open(number);
  });
  document.addEventListener('keydown', event => {
    const number = event.target.closest && event.target.closest('.receipt[data-key]');
    if (number && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      open(number);
    }
  });

  // Hundreds of numbers and names would be in the way of the keyboard: it reaches them when asked to.
  const toggle = button('Receipts', { class: 'receipt-toggle', 'aria-pressed': 'false' }, () => {
    const on = document.documentElement.classList.toggle('receipts-marked');
    toggle.setAttribute('aria-pressed', String(on));
    [...numbers, ...document.querySelectorAll('.experiment[data-experiment]')].forEach(number => {
      if (on) { number.tabIndex = 0; number.setAttribute('role', 'button'); }
      else { number.removeAttribute('tabindex'); number.removeAttribute('role'); }
    });
  });
  toggle.title = 'Mark every number that has a receipt, and every experiment that has a card, and '
    + 'reach them by keyboard';
  const controls = document.querySelector('.controls');
  if (controls) controls.prepend(toggle);
  else document.body.append(toggle);
})();
