// All experiments in one table: sort, filter, choose two to compare. The data come with the page.
(function () {
  'use strict';
  const { make, button, data, isNumber, percent, count, signed, interval, go } = pageParts;
  const place = document.querySelector('.explorer');
  if (!place || !document.getElementById('explorer-data') || !window.HTMLDialogElement) return;

  let known = null;
  const ANY = '';
  const times = [1, 2, 5];      // limits on costs, as times the base's

  const millions = number => (number / 1e6).toFixed(number < 1e7 ? 2 : 1);
  const first = row => row.against[0] || {};
  const verdictOf = row => first(row).verdict || (row.id === 'base' ? 'reference' : 'no verdict');
  const groupOf = row => (row.kind === 'winner' ? 'search'
    : (known.questions[first(row).question] || {}).group || '');
  const labelOf = id => (known.rows.find(row => row.id === id) || { label: id }).label;

  // Columns: heading, what it sorts by, what it shows.
  const columns = [
    ['Experiment', row => row.label, null],
    ['Test score (%)', row => row.test[0], ({ test: [mean, deviation] }) => (isNumber(mean)
      ? percent(mean) + (isNumber(deviation) ? ' ± ' + percent(deviation) : '') : '–')],
    ['Difference', row => first(row).difference, row => signed(first(row).difference)],
    ['Interval', row => first(row).lower, row => interval(first(row).lower, first(row).upper)],
    ['Verdict', verdictOf, verdictOf],
    ['MACs (millions)', row => row.macs, row => (isNumber(row.macs) ? millions(row.macs) : '–')],
    ['Parameters', row => row.parameters, row => count(row.parameters)],
    ['Seconds', row => row.seconds, row => (isNumber(row.seconds) ? row.seconds.toFixed(0) : '–')],
    ['Compared with', row => labelOf(first(row).reference || ''),
      row => labelOf(first(row).reference || '–')],
  ];
  const numeric = number => [1, 2, 3, 5, 6, 7].includes(number);
  // Parameters and seconds follow the costs beside them, and are shown when asked for.
  const kindOf = number => [...(numeric(number) ? ['number'] : []),
    ...([6, 7].includes(number) ? ['rare'] : []), ...(number === 8 ? ['words'] : [])].join(' ');

  const chosen = [];
  const lines = new Map();

  // Filters

  const tests = {
    text: (row, words) => words.toLowerCase().split(/\s+/).every(word => (
      row.searched.includes(word))),
    group: (row, group) => groupOf(row) === group,
    question: (row, question) => row.against.some(entry => entry.question === question),
    verdict: (row, verdict) => verdictOf(row) === verdict,
    macs: (row, most) => isNumber(row.macs) && row.macs <= most * known.rows[0].macs,
    seconds: (row, most) => isNumber(row.seconds) && row.seconds <= most * known.rows[0].seconds,
  };
  const filters = {};

  function select(name, label, options) {
    const element = make('select', {}, make('option', { value: ANY }, 'any'), ...options);
    element.addEventListener('change', () => { filters[name] = element.value; show(); });
    return make('label', {}, label + ' ', element);
  }

  const option = (value, text) => make('option', { value }, text);
  const capital = text => text[0].toUpperCase() + text.slice(1);

  function controls() {
    const present = key => Array.from(new Set(known.rows.map(key))).filter(Boolean);
    const input = make('input', { type: 'search', placeholder: 'label, id or setting' });
    input.addEventListener('input', () => { filters.text = input.value.trim(); show(); });
    const limits = word => times.map(most => option(most, most === 1 ? 'at most the base’s'
      : 'at most ' + most + ' times the base’s'));
    const questions = known.groups.map(group => make('optgroup', { label: capital(group) },
      ...Object.entries(known.questions).filter(([, question]) => question.group === group)
        .map(([id, { title }]) => option(id, title))));
    const form = make('form', { class: 'explorer-filters', role: 'search',
      'aria-label': 'Experiments' },
    make('label', {}, 'Search ', input),
    select('group', 'Group', present(groupOf).map(group => option(group, capital(group)))),
    select('question', 'Question', questions),
    select('verdict', 'Verdict', present(verdictOf).map(verdict => option(verdict, verdict))),
    select('macs', 'MACs', limits()), select('seconds', 'Training time', limits()));
    form.addEventListener('submit', event => event.preventDefault());
    return form;
  }

  // Rows

  const body = make('tbody');
  const tally = make('p', { class: 'explorer-tally', role: 'status' });
  const compare = button('Compare the two chosen', { class: 'small-button' }, () => {
    if (chosen.length === 2) go('compare=' + chosen.join(','));
  });

  function choose(id, on) {
    if (on) chosen.push(id);
    else chosen.splice(chosen.indexOf(id), 1);
    if (chosen.length > 2) lines.get(chosen.shift()).querySelector('input').checked = false;
    compare.disabled = chosen.length !== 2;
  }

  function line(row) {
    const box = make('input', { type: 'checkbox', 'aria-label': 'Compare ' + row.label });
    box.addEventListener('change', () => choose(row.id, box.checked));
    const name = make('th', { scope: 'row' }, make('div', {}, box, button(row.label,
      { class: 'experiment-button', title: row.id }, () => go('experiment-' + row.id))));
    return make('tr', { 'data-experiment': row.id }, name, ...columns.slice(1).map(
      ([, , write], number) => make('td', { class: kindOf(number + 1) }, write(row))));
  }

  function show() {
    const kept = known.rows.filter(row => Object.entries(filters).every(([name, value]) => (
      value === ANY || tests[name](row, value))));
    known.rows.forEach(row => { lines.get(row.id).hidden = !kept.includes(row); });
    tally.textContent = kept.length + ' of ' + known.rows.length + ' shown. '
      + 'Choose two to compare them; a name opens its card.';
  }

  // What has no value stays below, whichever way it is sorted.
  function order(key, down) {
    const missing = value => value === undefined || value === null || value === '';
    return (one, other) => {
      const [a, b] = [key(one), key(other)];
      if (missing(a) || missing(b)) return missing(a) - missing(b);
      const by = isNumber(a) ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true });
      return down ? -by : by;
    };
  }

  function heading([name, key], number, row) {
    const cell = make('th', { scope: 'col', class: kindOf(number) });
    cell.append(button(name, { class: 'sort' }, () => {
      // Numbers are asked for largest first, names from the beginning of the alphabet.
      const before = cell.getAttribute('aria-sort');
      const down = before ? before === 'ascending' : numeric(number);
      Array.from(row.cells).forEach(each => each.removeAttribute('aria-sort'));
      cell.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      body.append(...known.rows.slice().sort(order(key, down)).map(each => lines.get(each.id)));
    }));
    return cell;
  }

  function build() {
    if (known) return;
    known = data('explorer-data');
    columns[1][0] = 'Test ' + known.metric + ' (%)';
    known.rows.forEach(row => {
      row.searched = [row.label, row.id, verdictOf(row),
        ...Object.entries(row.changed).flat()].join(' ').toLowerCase();
      lines.set(row.id, line(row));
    });
    body.append(...lines.values());
    const heads = make('tr');
    heads.append(...columns.map((column, number) => heading(column, number, heads)));
    compare.disabled = true;
    const form = controls();
    const reset = button('Show all', { class: 'small-button' }, () => {
      form.reset();
      Object.keys(filters).forEach(name => { filters[name] = ANY; });
      show();
    });
    const table = make('div', { class: 'explorer-table', tabindex: '0', role: 'group',
      'aria-label': 'All experiments' }, make('table', {}, make('thead', {}, heads), body));
    const more = make('input', { type: 'checkbox' });
    more.addEventListener('change', () => table.classList.toggle('whole', more.checked));
    place.replaceChildren(form, make('div', { class: 'explorer-actions' }, compare, reset,
      make('label', { class: 'explorer-more' }, more, ' More columns')), tally, table);
    table.dispatchEvent(new Event('box-made', { bubbles: true }));
    show();
  }

  // Soon enough for the browser's search, and not in the way of the first view.
  if (window.requestIdleCallback) requestIdleCallback(build, { timeout: 4000 });
  else setTimeout(build, 1000);
})();
