// Receipts: a click on a number shows where it comes from. The page reads well without it.
(function () {
  'use strict';
  const source = document.getElementById('receipts');
  const numbers = Array.from(document.querySelectorAll('.receipt[data-key]'));
  if (!source || !numbers.length || !window.HTMLDialogElement) return;
  const known = JSON.parse(source.textContent);

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    Object.entries(attributes || {}).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  }

  const words = row => Object.entries(row).map(([name, value]) => name + ' ' + value).join(', ');
  const short = text => (text || '–').slice(0, 10);

  function rows(head, lines) {
    const cells = (tag, line) => make('tr', {}, ...line.map(one => make(tag, {}, one ?? '–')));
    return make('div', { class: 'receipt-table', tabindex: '0' }, make('table', {},
      make('thead', {}, cells('th', head)), make('tbody', {}, ...lines.map(l => cells('td', l)))));
  }

  // One table, one column: what it means, where it lies, and the cells that the number is made of.
  function place(name, column, cells) {
    const table = known.tables[name];
    const [meaning, unit] = table.columns[column];
    const list = make('dl', {},
      make('dt', {}, 'Meaning'), make('dd', {}, meaning + (unit ? ' Unit: ' + unit + '.' : '')),
      make('dt', {}, 'File'),
      make('dd', {}, make('code', {}, known.results + '/' + table.file), ', column ',
        make('code', {}, column)),
      make('dt', {}, 'sha256'), make('dd', {}, make('code', {}, table.sha256)));
    const lines = cells.map(([value, row]) => [value, words(row)]);
    return [list, rows(['Value', 'Row'], lines)];
  }

  function runs(experiment) {
    const lines = known.experiments[experiment].map(
      ([seed, status, accuracy, record, weights, commit]) => [String(seed),
        status === 'complete' && accuracy !== null ? (100 * accuracy).toFixed(2) + ' %' : status,
        make('code', {}, short(weights)), make('code', {}, short(commit)),
        make('code', {}, record || '–')]);
    return [make('h3', {}, 'Runs of ', make('code', {}, experiment)),
      rows(['Seed', 'Test accuracy', 'sha256 of weights', 'Commit', 'Record in ' + known.results],
        lines)];
  }

  function commands(tables, experiments) {
    const made = new Set(tables.map(name => known.tables[name].made));
    const study = known.study === 'cifar10' ? '' : ' --config study=' + known.study;
    const lines = experiments.map(id => 'snakemake --cores all ' + id + study);
    if (lines.length) lines.unshift('# trains what has no record; set a record aside to train it again');
    lines.push('python -m cnn_study tables ' + known.study);
    if (made.has('analyse')) lines.push('python -m cnn_study analyse ' + known.study);
    return [make('h3', {}, 'Make it again'), make('pre', { tabindex: '0' }, lines.join('\n'))];
  }

  const title = make('h2', { id: 'receipt-title' });
  const body = make('div', { class: 'receipt-body' });
  const close = make('button', { type: 'button', class: 'receipt-close' }, 'Close');
  const dialog = make('dialog', { class: 'receipt-dialog', 'aria-labelledby': 'receipt-title' },
    make('header', {}, title, close), body);
  document.body.append(dialog);
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });

  function show(number) {
    const [how, ...keys] = number.dataset.key.split(';');
    const groups = new Map();
    const experiments = new Set();
    keys.forEach(key => {
      const [table, , column] = key.split(':');
      const group = table + ':' + column;
      groups.set(group, (groups.get(group) || []).concat([known.cells[key]]));
      known.cells[key][2].forEach(id => experiments.add(id));
    });
    title.textContent = number.textContent;
    body.replaceChildren();
    if (how) body.append(make('p', {}, 'The ' + how + ' these cells:'));
    groups.forEach((cells, group) => body.append(...place(...group.split(':'), cells)));
    const shown = Array.from(experiments).filter(id => known.experiments[id]);
    shown.slice(0, 4).forEach(id => body.append(...runs(id)));
    const tables = Array.from(groups.keys()).map(group => group.split(':')[0]);
    body.append(...commands(tables, shown.slice(0, 4)));
    dialog.showModal();
    body.scrollTop = 0;
  }

  document.addEventListener('click', event => {
    const number = event.target.closest('.receipt[data-key]');
    if (number && !event.target.closest('a')) show(number);
  });
  document.addEventListener('keydown', event => {
    const number = event.target.closest && event.target.closest('.receipt[data-key]');
    if (number && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      show(number);
    }
  });

  // Hundreds of numbers would be in the way of the keyboard: they can be reached when asked for.
  const toggle = make('button', { type: 'button', class: 'receipt-toggle', 'aria-pressed': 'false' },
    'Receipts');
  toggle.title = 'Mark every number that has a receipt, and reach it by keyboard';
  toggle.addEventListener('click', () => {
    const on = document.documentElement.classList.toggle('receipts-marked');
    toggle.setAttribute('aria-pressed', String(on));
    numbers.forEach(number => {
      if (on) { number.tabIndex = 0; number.setAttribute('role', 'button'); }
      else { number.removeAttribute('tabindex'); number.removeAttribute('role'); }
    });
  });
  (document.querySelector('.controls') || document.body).prepend(toggle);
})();
