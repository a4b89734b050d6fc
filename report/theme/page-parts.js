// What the page's tools share: elements, numbers, dialogs that have an address, copying and saving.
const pageParts = (function () {
  'use strict';

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    Object.entries(attributes || {}).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  }

  const code = text => make('code', {}, text);
  const once = values => Array.from(new Set(values));

  function button(text, attributes, act) {
    const element = make('button', { type: 'button', ...attributes }, text);
    element.addEventListener('click', () => act(element));
    return element;
  }

  // Data are read when somebody asks for them: most readers of a page never do.
  const read = new Map();
  function data(id) {
    if (!read.has(id)) {
      const element = document.getElementById(id);
      read.set(id, element ? JSON.parse(element.textContent) : null);
    }
    return read.get(id);
  }

  // A table that scrolls by itself; the first cell of a row names it.
  function table(head, lines) {
    const heads = make('tr', {}, ...head.map(name => make('th', { scope: 'col' }, name)));
    const rows = lines.map(([first, ...rest]) => make('tr', {},
      make('th', { scope: 'row' }, first ?? '–'), ...rest.map(cell => make('td', {}, cell ?? '–'))));
    return make('div', { class: 'receipt-table', tabindex: '0' }, make('table', {},
      make('thead', {}, heads), make('tbody', {}, ...rows)));
  }

  const facts = entries => make('dl', {}, ...entries.flatMap(([name, ...values]) => (
    [make('dt', {}, name), make('dd', {}, ...values)])));

  // Numbers as the text writes them. None: an en dash.

  const isNumber = value => typeof value === 'number';
  const percent = (share, digits = 2) => (isNumber(share) ? (100 * share).toFixed(digits) : '–');
  const count = number => (isNumber(number) ? number.toLocaleString('en') : '–');
  const signed = share => {
    if (!isNumber(share)) return '–';
    const text = Math.abs(100 * share).toFixed(2);
    return Number(text) === 0 ? text : (share < 0 ? '−' : '+') + text;
  };
  const interval = (lower, upper) => (
    isNumber(lower) ? signed(lower) + ' to ' + signed(upper) : '–');

  // Copying and saving

  function copyBeside(element, text) {      // where the browser has no clipboard for pages
    const area = make('textarea', { readonly: '', class: 'copied' });
    area.value = text;
    element.after(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }

  function copyButton(label, text) {
    return button(label, { class: 'small-button', 'aria-live': 'polite' }, element => {
      const written = navigator.clipboard
        ? navigator.clipboard.writeText(text()).catch(() => copyBeside(element, text()))
        : Promise.resolve(copyBeside(element, text()));
      written.then(() => {
        element.textContent = 'Copied';
        setTimeout(() => { element.textContent = label; }, 1500);
      });
    });
  }

  function save(name, contents) {
    const link = make('a', { href: URL.createObjectURL(contents), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  const page = () => location.href.split('#')[0];
  const linkTo = address => page() + '#' + encodeURI(address);

  // What the text is called, when it was made, and where it lies if others can reach it there.
  function cited(address) {
    const meta = name => {
      const element = document.querySelector('meta[name="' + name + '"]');
      return element ? element.content : '';
    };
    const date = document.querySelector('.title-block .date, .quarto-title-meta .date');
    const parts = [meta('citation_author') || meta('author'), meta('citation_title') || document.title,
      date ? date.textContent.trim() : meta('date')];
    const link = /^http/.test(location.protocol) ? [linkTo(address)] : [];
    return [...parts.filter(Boolean), ...link].join('. ') + '.';
  }

  // Dialogs. What stands behind # in the address opens one; Back or Close closes it.

  const dialogs = new Map();

  function address() {
    try { return decodeURI(location.hash.slice(1)); } catch (_) { return ''; }
  }

  const asked = routes => routes.find(({ prefix }) => address().startsWith(prefix));

  function follow() {
    dialogs.forEach(({ routes, element }) => {
      const route = asked(routes);
      if (route) route.open(address().slice(route.prefix.length));
      else if (element && element.open) element.close();
    });
  }

  function go(target) {
    const depth = ((history.state && history.state.depth) || 0) + 1;
    history.pushState({ depth }, '', '#' + encodeURI(target));
    follow();
  }

  // Back to the text: over all that was opened since it was left.
  function leave() {
    const depth = history.state && history.state.depth;
    if (depth) history.go(-depth);
    else history.replaceState(null, '', page());
  }

  // Made when it is first shown.
  function makeDialog(id) {
    const title = make('h2', { id: id + '-title' });
    const tools = make('div', { class: 'dialog-tools' });
    const body = make('div', { class: 'receipt-body' });
    const close = button('Close', { class: 'receipt-close' }, () => element.close());
    const element = make('dialog', { class: 'receipt-dialog ' + id + '-dialog',
      'aria-labelledby': title.id }, make('header', {}, title, close), tools, body);
    document.body.append(element);
    element.addEventListener('click', event => { if (event.target === element) element.close(); });
    element.addEventListener('close', () => { if (asked(dialogs.get(id).routes)) leave(); });
    return { element, title, tools, body };
  }

  function show(id, words, buttons, ...content) {
    const made = dialogs.get(id);
    if (!made.element) Object.assign(made, makeDialog(id));
    made.title.textContent = words;
    made.tools.replaceChildren(...buttons);
    made.body.replaceChildren(...content);
    if (!made.element.open) made.element.showModal();
    made.body.scrollTop = 0;
  }

  // Lets addresses that begin with a prefix open a dialog; what follows it says what is shown.
  function route(id, prefix, open) {
    if (!dialogs.has(id)) dialogs.set(id, { routes: [] });
    dialogs.get(id).routes.push({ prefix, open });
  }

  addEventListener('popstate', follow);
  addEventListener('hashchange', follow);
  document.addEventListener('DOMContentLoaded', follow);

  return { make, code, once, button, data, table, facts, isNumber, percent, count, signed, interval,
    copyButton, save, linkTo, cited, go, show, route };
}());
