// Tables: a click on a column's heading sorts by it, a button saves the table as CSV.
(function () {
  'use strict';
  const text = cell => cell.innerText.trim().replace(/\s+/g, ' ');

  // A number as programs write it: "−4.68", "1,471,104", "+2.10" or "74.80 %"; else null.
  function number(words) {
    const plain = words.replace(/,(?=\d{3})/g, '').replace('−', '-').replace(/^\+|\s*%/g, '');
    const found = plain.match(/^-?(\d+\.?\d*|\.\d+)(e-?\d+)?/i);
    return found && found[0] === plain ? plain : null;
  }

  // "70.53 ± 0.58", "−1.30 to +0.46" and "69.57–71.03" hold two numbers; null for all else.
  const pairs = { '±': ['', ' ±'], to: [', from', ', to'], '–': [', from', ', to'] };
  function pair(words) {
    const [, one, between, other] = words.match(/^(.+?)( ± | to |–)(.+)/) || [];
    const both = one ? [number(one), number(other)] : [null];
    return both.includes(null) ? null : { between: between.trim(), both };
  }

  // A cell sorts by its first number.
  function value(cell) {
    const words = text(cell).replace(/^<\s*/, '');
    const both = pair(words);
    const found = both ? both.both[0] : number(words);
    return found === null ? NaN : Number(found);
  }

  // A row whose first cell is all bold sums up the others.
  const isTotal = row => row.cells[0].textContent.trim() !== ''
    && text(row.cells[0]) === Array.from(row.cells[0].querySelectorAll('strong'), text).join('');

  function compare(column, numeric) {
    return (one, other) => {
      const [a, b] = [one.cells[column], other.cells[column]];
      if (!numeric) return text(a).localeCompare(text(b), 'en', { numeric: true });
      const [x, y] = [value(a), value(b)];
      return isNaN(x) - isNaN(y) || x - y || 0;      // what is no number stays below
    };
  }

  function makeSortable(table) {
    const headings = Array.from(table.tHead.rows[0].cells);
    const body = table.tBodies[0];
    headings.forEach((heading, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'sort';
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener('click', () => {
        const down = heading.getAttribute('aria-sort') === 'ascending';
        headings.forEach(each => each.removeAttribute('aria-sort'));
        heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        const [rows, totals] = [false, true].map(total => (
          Array.from(body.rows).filter(row => isTotal(row) === total)));
        const numeric = rows.filter(row => !isNaN(value(row.cells[column]))).length * 2 > rows.length;
        const order = compare(column, numeric);
        body.append(...rows.sort((a, b) => (down ? -1 : 1) * order(a, b)), ...totals);
      });
    });
  }

  // One column of the page as one of the file, or as two where its cells hold two numbers.
  function columns(table, place) {
    const cells = Array.from(table.tBodies[0].rows, row => text(row.cells[place]));
    const heading = text(table.tHead.rows[0].cells[place]);
    const missing = words => (words === '–' ? '' : words);
    const kinds = new Set(cells.map(pair).filter(Boolean).map(({ between }) => between));
    const plain = words => number(words) ?? missing(words).replace(/−(?=\d)/g, '-');
    if (kinds.size !== 1) return [[heading, ...cells.map(plain)]];
    return pairs[kinds.values().next().value].map((ending, side) => [
      / ± /.test(heading) ? heading.replace(side ? /\S+ ± / : / ± \S+/, '') : heading + ending,
      ...cells.map(words => {
        const both = pair(words);
        return both ? both.both[side] : side ? '' : plain(words);
      }),
    ]);
  }

  function csv(table) {
    // A text that a spreadsheet would run is written as in the files of the study: see csv_cells.py.
    const harmless = words => (
      /^'*[=+\-@\t]/.test(words) && !/^[+-][\d.,;eE%+\s-]*$/.test(words) ? "'" + words : words);
    const quoted = words => '"' + harmless(words).replace(/"/g, '""') + '"';
    const all = Array.from(table.tHead.rows[0].cells).flatMap((_, place) => columns(table, place));
    const lines = all[0].map((_, line) => all.map(column => quoted(column[line])).join(','));
    return '\ufeff' + lines.join('\r\n') + '\r\n';   // the mark lets spreadsheets read UTF-8
  }

  function addDownload(figure, table) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'save';
    button.textContent = 'CSV';
    button.title = 'Save this table as CSV';
    button.setAttribute('aria-label', 'Save ' + figure.id + ' as CSV');
    button.addEventListener('click', () => (
      pageParts.save(figure.id + '.csv', new Blob([csv(table)], { type: 'text/csv' }))));
    figure.querySelector('figcaption').append(' ', button);
  }

  document.querySelectorAll('figure.table[id], .quarto-float[id^="tbl-"]').forEach(figure => {
    const table = figure.querySelector('table');
    if (!table || !table.tHead || table.tBodies.length !== 1) return;
    if (table.tBodies[0].rows.length > 2) makeSortable(table);
    addDownload(figure, table);
  });
})();
