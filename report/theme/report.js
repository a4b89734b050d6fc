// Colours, contents, tabs and copying. The page reads well without any of it.
// (Pandoc reads this file as a part of a template: no dollar signs.)
(function () {
  'use strict';
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  const root = document.documentElement;
  const systemDark = matchMedia('(prefers-color-scheme: dark)');

  // Colours: the reader's choice stands above the system's, also for pictures.
  const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : systemDark.matches;
  const toggle = document.querySelector('.theme-toggle');
  // Figures bring their dark colours along and follow the system. Not every browser lets them
  // follow the page, so the reader's choice is written into them.
  const figures = all('img[src^="data:image/svg+xml,"]:not(.light-only)').map(image => (
    { image, drawing: image.getAttribute('src') }));
  const darkRule = '(prefers-color-scheme: dark)';
  const light = [];
  function showTheme() {
    const condition = { dark: 'all', light: 'not all' }[root.dataset.theme];
    if (condition) figures.forEach(({ image, drawing }) => {
      image.src = drawing.replace(darkRule, condition);
    });
    toggle.setAttribute('aria-pressed', String(isDark()));
    if (isDark()) loadLight();
  }
  // On a dark page the drawings of the printed one are loaded beforehand, or the printer would not
  // wait for them: one at a time, when nothing else is to be done.
  const whenIdle = window.requestIdleCallback || (act => setTimeout(act, 50));
  function loadLight() {
    if (!light.length && figures.length) whenIdle(function next() {
      const image = new Image();
      image.src = figures[light.length].drawing.replace(darkRule, 'not all');
      light.push(image);
      if (light.length < figures.length) whenIdle(next);
    });
  }
  toggle.hidden = false;
  toggle.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    try { localStorage.setItem('theme', root.dataset.theme); } catch (_) { /* private window */ }
    showTheme();
  });
  systemDark.addEventListener('change', showTheme);
  showTheme();

  // Contents: open beside the text, closed above it; the section being read is marked.
  const contents = document.querySelector('.contents');
  if (contents) {
    const narrow = matchMedia('(max-width: 70rem)');
    narrow.addEventListener('change', () => { contents.open = !narrow.matches; });
    contents.addEventListener('click', event => {
      if (narrow.matches && event.target.closest('a')) contents.open = false;
    });
    const links = new Map(all('a', contents).map(link => [link.hash.slice(1), link]));
    const parts = Array.from(links.keys(), id => document.getElementById(id)).filter(Boolean);
    // Of the parts within chapters only those of the chapter being read are listed.
    contents.classList.add('folded');
    // A list that is longer than the window fades where it goes on.
    const list = contents.querySelector(':scope > ul');
    const showMore = () => {
      list.classList.toggle('more-above', list.scrollTop > 1);
      list.classList.toggle('more-below',
        list.scrollTop + list.clientHeight < list.scrollHeight - 1);
    };
    list.addEventListener('scroll', showMore, { passive: true });
    new ResizeObserver(showMore).observe(list);
    let marked = null;
    const mark = () => {
      waiting = false;
      const read = parts.filter(part => part.getBoundingClientRect().top < 140).pop();
      const link = read ? links.get(read.id) : null;
      if (link === marked) return;
      if (marked) marked.removeAttribute('aria-current');
      all('li.open', contents).forEach(item => item.classList.remove('open'));
      if (link) {
        link.setAttribute('aria-current', 'true');
        for (let item = link.closest('li'); item; item = item.parentElement.closest('li')) {
          item.classList.add('open');
        }
        if (!narrow.matches) link.scrollIntoView({ block: 'nearest' });
        showMore();
      }
      marked = link;
    };
    let waiting = false;
    addEventListener('scroll', () => {
      if (!waiting) requestAnimationFrame(mark);
      waiting = true;
    }, { passive: true });
    requestAnimationFrame(mark);
  }

  // Where a jump ends is guessed from the sizes of parts that are not laid out yet: as these get
  // theirs, it is put right, until the reader scrolls.
  let settling = 0;
  addEventListener('wheel', () => { settling = 0; }, { passive: true });
  addEventListener('touchmove', () => { settling = 0; }, { passive: true });
  addEventListener('hashchange', () => {
    const target = document.getElementById(location.hash.slice(1));
    settling = target ? 20 : 0;
    requestAnimationFrame(function settle() {
      if (settling <= 0) return;
      settling -= 1;
      const { top } = target.getBoundingClientRect();
      if (top < 0 || top > 200) target.scrollIntoView();
      requestAnimationFrame(settle);
    });
  });

  // Who follows a link to a question wants to read it: its folded part opens.
  function unfold() {
    const target = document.getElementById(location.hash.slice(1));
    const part = target && (target.matches('section') ? target : target.matches('h1, h2, h3')
      && (target.closest('section') || target.parentElement));
    if (part) all(':scope > details.fold', part).forEach(details => { details.open = true; });
  }
  addEventListener('hashchange', unfold);
  unfold();

  // Every heading has its address beside it. The contents lead there too, so the keyboard passes by.
  all('main section[id] > :is(h2, h3, h4):first-child').forEach(heading => {
    const link = document.createElement('a');
    link.className = 'permalink';
    link.href = '#' + heading.parentElement.id;
    link.textContent = '#';
    link.tabIndex = -1;
    link.setAttribute('aria-label', 'Link to this part');
    heading.append(' ', link);
  });

  // Tabs, after the ARIA pattern: https://www.w3.org/WAI/ARIA/apg/patterns/tabs/
  all('.panel-tabset').forEach((tabset, index) => {
    const panels = all(':scope > .tab', tabset);
    const list = document.createElement('div');
    list.className = 'tab-list';
    list.setAttribute('role', 'tablist');
    const buttons = panels.map((panel, number) => {
      const title = panel.querySelector('.tab-title');
      const button = document.createElement('button');
      panel.id = panel.id || 'tab-' + index + '-' + number;
      button.type = 'button';
      button.id = panel.id + '-button';
      button.innerHTML = title.innerHTML;
      button.setAttribute('role', 'tab');
      button.setAttribute('aria-controls', panel.id);
      panel.setAttribute('role', 'tabpanel');
      panel.setAttribute('aria-labelledby', button.id);
      list.append(button);
      return button;
    });
    const show = chosen => buttons.forEach((button, number) => {
      button.setAttribute('aria-selected', String(number === chosen));
      button.tabIndex = number === chosen ? 0 : -1;
      // Found by the browser's search also while it is hidden.
      if (number === chosen) panels[number].removeAttribute('hidden');
      else panels[number].setAttribute('hidden', 'until-found');
    });
    buttons.forEach((button, number) => {
      button.addEventListener('click', () => show(number));
      panels[number].addEventListener('beforematch', () => show(number));
    });
    list.addEventListener('keydown', event => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const now = buttons.indexOf(document.activeElement);
      const next = (now + step + buttons.length) % buttons.length;
      show(next);
      buttons[next].focus();
    });
    tabset.prepend(list);
    tabset.classList.add('has-tabs');
    show(0);
  });

  // Copying code.
  all('main pre').forEach(block => { block.tabIndex = 0; });   // it scrolls on a phone
  if (navigator.clipboard) all('main pre').forEach(block => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = 'Copy';
    button.addEventListener('click', () => {
      navigator.clipboard.writeText(block.textContent.trimEnd()).then(() => {
        button.textContent = 'Copied';
        setTimeout(() => { button.textContent = 'Copy'; }, 1500);
      });
    });
    const holder = document.createElement('div');
    holder.className = 'code-holder';
    block.replaceWith(holder);
    holder.append(block, button);
  });

  // A name such as filters-16-32-kernel-size-3 may break before each of its words.
  all('main :not(pre) > code').forEach(code => {
    const parts = code.textContent.split(/(?<=[-_])(?=[a-z])/i);
    code.classList.toggle('short', code.textContent.length < 13);
    if (code.childElementCount || parts.length < 2) return;
    code.replaceChildren(...parts.flatMap((part, number) => (
      number ? [document.createElement('wbr'), part] : [part])));
  });

  // On a phone a table of sentences stacks its cells; one that must scroll anyhow, for its columns,
  // gets room there.
  all('.table-box > table').forEach(table => {
    const columns = table.rows[0].cells.length;
    const tells = all('td', table).some(cell => cell.textContent.length > 60);
    table.classList.toggle('stacked', tells && columns < 4);
    table.classList.toggle('roomy', columns > 5 || (tells && columns > 3));
  });

  // A figure that is not drawn for a phone stays large enough to be read, and scrolls in its box.
  all('figure > img').forEach(image => {
    const box = document.createElement('div');
    box.className = 'figure-box';
    const drawn = image.getAttribute('width');
    if (drawn) box.style.setProperty('--drawn', drawn + 'px');
    box.classList.toggle('wide', drawn > 500);
    image.replaceWith(box);
    box.append(image);
  });

  // What overflows can be scrolled with the keyboard; the rest needs no place in the tab order.
  // Sizes change with the window, and when other scripts move or show a box.
  const boxes = all('.table-box, .figure-box, .equation-body');
  const overflows = box => box.scrollWidth > box.clientWidth;

  // Formulas in one line, set apart by wide spaces, may stand below each other.
  all('.equation-body > math').forEach(math => {
    const row = math.querySelector(':scope > semantics > mrow');
    const spaces = row ? all(':scope > mspace[width^="2"]', row) : [];
    if (!spaces.length) return;
    const parts = spaces.map(space => {
      const part = math.cloneNode(false);
      const inside = document.createElementNS(math.namespaceURI, 'mrow');
      while (row.firstChild !== space) inside.append(row.firstChild);
      space.remove();
      part.append(inside);
      return part;
    });
    math.querySelector('annotation').remove();
    const body = math.parentElement;
    [...parts, math].forEach(part => {
      const box = document.createElement('span');
      box.className = 'equation-part';
      box.append(part);
      body.append(box, ' ');
    });
  });

  // A formula's number goes below it, then the formula is set smaller, before it scrolls.
  const LEAST = 0.57;           // 10 px on a phone
  function fit(body) {
    body.parentElement.classList.remove('below');
    body.style.removeProperty('--fit');
    if (!overflows(body)) return;
    body.parentElement.classList.add('below');
    const share = 0.98 * body.clientWidth / body.scrollWidth;
    if (overflows(body)) body.style.setProperty('--fit', Math.max(LEAST, share).toFixed(3));
  }

  // Arrows below what scrolls, and a fade at its right, say that there is more.
  const hints = new Map();
  function hint(box) {
    const [left, right] = [box.scrollLeft > 1,
      box.scrollLeft + box.clientWidth < box.scrollWidth - 1];
    box.classList.toggle('more-right', right);
    if ((left || right) && !hints.has(box)) {
      const arrows = document.createElement('span');
      arrows.className = 'scroll-hint';
      arrows.setAttribute('aria-hidden', 'true');
      box.after(arrows);
      hints.set(box, arrows);
      box.addEventListener('scroll', () => hint(box), { passive: true });
    }
    if (!hints.has(box)) return;
    hints.get(box).hidden = !(left || right);
    hints.get(box).textContent = (left ? '← ' : '') + 'more' + (right ? ' →' : '');
  }

  const reach = box => {
    if (box.matches('.equation-body')) fit(box);
    if (overflows(box)) box.classList.add('tight');   // a table is set closer first
    if (overflows(box)) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
    hint(box);
  };
  addEventListener('resize', () => boxes.forEach(box => box.classList.remove('tight')));
  const sizes = new ResizeObserver(entries => entries.forEach(({ target }) => (
    reach(boxes.includes(target) ? target : target.parentElement))));
  // It is first told of a box when the part that this stands in is drawn.
  boxes.forEach(box => [box, ...box.children].forEach(element => sizes.observe(element)));
  // A box that another script makes, and that scrolls up and down too.
  document.addEventListener('box-made', ({ target }) => {
    const look = new ResizeObserver(() => hint(target));
    [target, ...target.children].forEach(element => look.observe(element));
  });

  // On paper everything is open, and page, figures and the network at work are light.
  let theme = null;
  addEventListener('beforeprint', () => {
    all('main details').forEach(details => { details.open = true; });
    all('img[loading]').forEach(image => { image.loading = 'eager'; });
    if (theme === null) theme = root.dataset.theme || '';
    root.dataset.theme = 'light';
    showTheme();
  });
  addEventListener('afterprint', () => {
    root.dataset.theme = theme || '';
    theme = null;
    if (!root.dataset.theme) figures.forEach(({ image, drawing }) => { image.src = drawing; });
    showTheme();
  });
}());
