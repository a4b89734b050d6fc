// Tables: a click on a column's heading sorts by it, a button saves the table as CSV.
// (Pandoc reads this file as a part of a template: no dollar signs.)
(function () {
  'use strict';
  const text = cell => cell.innerText.trim();

  // A cell such as "−4.68", "70.53 ± 0.58" or "1,471,104" sorts by its first number.
  function value(cell) {
    const found = text(cell).replace(/,(?=\d{3})/g, '').replace('−', '-').match(/^[+<]?\s*(-?[\d.]+)/);
    return found ? Number(found[1]) : NaN;
  }

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
        const rows = Array.from(body.rows);
        const numeric = rows.filter(row => !isNaN(value(row.cells[column]))).length * 2 > rows.length;
        const order = compare(column, numeric);
        body.append(...rows.sort((a, b) => (down ? -1 : 1) * order(a, b)));
      });
    });
  }

  function csv(table) {
    const quoted = cell => '"' + text(cell).replace(/"/g, '""') + '"';
    const lines = Array.from(table.rows).map(row => Array.from(row.cells).map(quoted).join(','));
    return '\ufeff' + lines.join('\r\n') + '\r\n';   // the mark lets spreadsheets read UTF-8
  }

  function addDownload(figure, table) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'save';
    button.textContent = 'CSV';
    button.title = 'Save this table as CSV';
    button.setAttribute('aria-label', 'Save ' + figure.id + ' as CSV');
    button.addEventListener('click', () => {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([csv(table)], { type: 'text/csv' }));
      link.download = figure.id + '.csv';
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    figure.querySelector('figcaption').append(' ', button);
  }

  document.querySelectorAll('figure.table[id]').forEach(figure => {
    const table = figure.querySelector('table');
    if (!table || !table.tHead || table.tBodies.length !== 1) return;
    if (table.tBodies[0].rows.length > 2) makeSortable(table);
    addDownload(figure, table);
  });
})();
