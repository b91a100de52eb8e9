// The panel beside the map: search and its hits, the coloring, the list of topics (legend and filter), and the
// facts about the run.
import { el } from './text.js';
import { count } from './text.js';
import { share } from './text.js';
import { showControls } from './text.js';
import { showNumber } from './text.js';
import { showDate } from './text.js';
import { setHighlighted } from './text.js';

const PAGE = 60;

export class Panel {
  constructor(app) {
    this.app = app;
    this.find = (id) => document.getElementById(id);
    this.listed = PAGE;
    // The rendered legend rows and hits, each with the key of the state it was rendered for.
    this.legend = { key: '', items: [] };
    this.hits = { key: '', shown: 0 };
    this.fillHead();
    this.fillColorings();
    this.fillAbout();
    this.find('search').addEventListener('input', (event) => app.searchFor(event.target.value));
    this.find('search').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && app.search.rows.length) app.goTo(app.search.rows[0]);
      if (event.key === 'Escape' && app.search.query) {
        // The first Escape clears the search and keeps the pinned text.
        event.stopPropagation();
        app.searchFor('');
      }
    });
    this.find('search-clear').addEventListener('click', () => {
      app.searchFor('');
      this.find('search').focus();
    });
    this.find('noise').addEventListener('change', (event) => {
      app.state.toggle(app.state.topics, app.state.noiseCode, event.target.checked);
      app.changed();
    });
    const button = (id, action) => this.find(id).addEventListener('click', () => {
      action(app.state);
      app.changed();
    });
    button('show-all', (state) => state.coloring.hidden.clear());
    button('show-none', (state) => state.none(state.coloring));
    button('clear-filters', (state) => state.groupings.forEach((grouping) => grouping.hidden.clear()));
  }

  fillHead() {
    const { head, n } = this.app.data;
    this.find('title').textContent = showControls(head.title);
    const topics = head.topics.length;
    this.find('subtitle').textContent = `${count(n)} texts \u00b7 ${count(topics)} ${topics === 1 ? 'topic' : 'topics'}`;
    const line = this.find('noise-line');
    line.hidden = !head.noise;
    this.find('noise-count').textContent = `${count(head.noise)} texts in no topic (${share(head.noise, n)})`;
  }

  fillColorings() {
    const { state } = this.app;
    const select = this.find('coloring');
    for (const grouping of state.groupings) {
      select.append(el('option', { value: grouping.key, textContent: showControls(grouping.name) }));
    }
    this.find('coloring-line').hidden = state.groupings.length < 2;
    select.addEventListener('change', () => {
      state.coloring = state.grouping(select.value) ?? state.groupings[0];
      state.emphasis = -1;
      this.app.changed();
    });
  }

  fillAbout() {
    const box = this.find('about');
    const { head } = this.app.data;
    for (const note of head.notes) box.append(el('p', { className: 'note', textContent: note }));
    for (const section of head.about) {
      const list = el('dl');
      for (const [name, value] of section.facts) {
        list.append(el('dt', { textContent: name }), el('dd', { textContent: value, dir: 'auto' }));
      }
      box.append(el('h3', { textContent: section.title }), list);
    }
  }

  // Updates everything that depends on the state.
  refresh() {
    const { state, data, search } = this.app;
    this.find('noise').checked = !state.noiseHidden;
    this.find('coloring').value = state.coloring.key;
    const shown = state.visibleCount();
    this.find('shown-line').hidden = shown === data.n;
    this.find('shown').textContent = shown === data.n ? '' : `showing ${count(shown)} of ${count(data.n)} texts`;
    this.fillLegend(search);
    this.fillHits(search);
  }

  // The legend is built once per coloring and theme; later its rows are updated in place, which keeps the focus and is
  // fast for thousands of topics.
  fillLegend(search) {
    const { state } = this.app;
    const { coloring } = state;
    const list = this.find('legend');
    const key = `${coloring.key}/${state.theme}`;
    if (key !== this.legend.key) {
      this.find('legend-title').textContent = coloring === state.topics ? 'Topics' : showControls(coloring.name);
      this.find('legend-tools').hidden = !coloring.codes;
      this.legend = { key, items: coloring.codes ? this.legendItems(coloring) : [] };
      list.replaceChildren(...(coloring.codes ? this.legend.items.map(({ element }) => element) : [this.rampItem(coloring)]));
    }
    if (!coloring.codes) return;
    const { items } = this.legend;
    const hits = state.hitsPer(coloring);
    for (const item of items) {
      const { code, size } = item;
      const off = coloring.hidden.has(code);
      item.box.checked = !off;
      item.hits = hits ? hits[code] : 0;
      const number = hits ? `${count(item.hits)} / ${count(size)}` : count(size);
      if (item.number.textContent !== number) item.number.textContent = number;
      item.element.classList.toggle('off', off || Boolean(hits && !item.hits));
    }
    // The order does not change while a search is running.
    if (hits && !search.done) return;
    const isNone = ({ code }) => code === coloring.values.length;
    const sorted = [...items].sort((a, b) => isNone(a) - isNone(b) || b.hits - a.hits || b.size - a.size || a.code - b.code);
    if (sorted.every((item, at) => item === items[at])) return;
    const kept = list.scrollTop;
    this.legend.items = sorted;
    list.append(...sorted.map(({ element }) => element));
    list.scrollTop = kept;
  }

  legendItems(coloring) {
    const { values, none } = coloring;
    const largest = Math.max(1, ...values.map((value) => value.size));
    const items = values.map((value, code) => this.legendItem(coloring, value, code, largest));
    if (none.size) items.push(this.legendItem(coloring, none, values.length, largest));
    return items;
  }

  legendItem(coloring, value, code, largest) {
    const { app } = this;
    const { state } = app;
    const isNone = code === coloring.values.length;
    const box = el('input', { type: 'checkbox', title: 'Show or hide; with Alt, Ctrl or Cmd only this one',
      'aria-label': `Show ${value.name}` });
    box.addEventListener('click', (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) {
        event.preventDefault();
        // The browser resets the checkbox after a prevented click: change it afterwards.
        setTimeout(() => {
          state.only(coloring, code);
          app.changed();
        });
        return;
      }
      state.toggle(coloring, code, box.checked);
      app.changed();
    });
    const chip = el('span', { className: 'chip' });
    const bar = el('span', { className: 'bar' });
    bar.style.width = `${isNone ? 0 : Math.max(1, (100 * value.size) / largest)}%`;
    if (isNone) chip.classList.add('none');
    else {
      chip.style.background = value[state.theme];
      bar.style.background = value[state.theme];
    }
    const number = el('span', { className: 'number' });
    const name = el('button', { type: 'button', className: 'name', title: value.title ?? tooltip(value) },
      el('span', { className: 'words', dir: 'auto', textContent: showControls(value.name) }), number, bar);
    name.addEventListener('click', (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) {
        state.only(coloring, code);
        app.changed();
      } else app.flyToValue(coloring, code);
    });
    const element = el('li', {}, box, chip, name);
    element.classList.toggle('none', isNone);
    element.addEventListener('pointerenter', () => app.emphasize(isNone ? -1 : code));
    element.addEventListener('pointerleave', () => app.emphasize(-1));
    return { element, box, number, code, size: value.size, hits: 0 };
  }

  rampItem(coloring) {
    const { theme } = this.app.state;
    const show = coloring.kind === 'date' ? (value) => showDate(value, coloring.time) : showNumber;
    const bar = el('div', { className: 'ramp' });
    bar.style.background = `linear-gradient(to right, ${coloring.ramp[theme].join(', ')})`;
    const empty = coloring.none.size ? el('p', { className: 'soft', textContent: `${count(coloring.none.size)} texts without a value` }) : null;
    return el('li', { className: 'ramp-item' }, bar,
      el('div', { className: 'ramp-ends' }, el('span', { textContent: show(coloring.min) }), el('span', { textContent: show(coloring.max) })),
      empty);
  }

  fillHits(search) {
    const { app } = this;
    const { state, data } = app;
    const box = this.find('hits');
    this.find('search-clear').hidden = !search.query;
    const input = this.find('search');
    if (input.value !== search.query) input.value = search.query;
    document.body.classList.toggle('searching', Boolean(search.terms.length));
    box.hidden = !search.terms.length;
    const list = this.find('hit-list');
    // Listed hits are kept while more are found.
    const key = search.terms.length ? `${search.ticket}/${state.coloring.key}/${state.theme}` : '';
    if (key !== this.hits.key) {
      list.replaceChildren();
      this.hits = { key, shown: 0 };
    }
    if (!key) {
      this.find('hit-count').textContent = '';
      return;
    }
    const { rows } = search;
    const hidden = rows.reduce((sum, row) => sum + (state.isVisible(row) ? 0 : 1), 0);
    const found = `${count(rows.length)} ${rows.length === 1 ? 'text' : 'texts'}`;
    this.find('hit-count').textContent = search.done
      ? `${rows.length ? found : 'No text'} found${hidden ? `, ${count(hidden)} of them filtered out` : ''}`
      : `${found} so far (${Math.round(100 * (search.part ?? 0))} %)`;
    list.querySelector('.more')?.parentElement.remove();
    for (const row of rows.slice(this.hits.shown, this.listed)) list.append(this.hitItem(row, search));
    this.hits.shown = Math.min(rows.length, this.listed);
    if (rows.length > this.listed) {
      const more = el('button', { type: 'button', className: 'more', textContent: `Show more (${count(rows.length - this.listed)} left)` });
      more.addEventListener('click', () => {
        const first = this.hits.shown;
        this.listed += PAGE * 4;
        this.fillHits(search);
        list.children[first]?.querySelector('button').focus();
      });
      list.append(el('li', {}, more));
    }
  }

  hitItem(row, search) {
    const { app } = this;
    const { state, data } = app;
    const chip = el('span', { className: 'chip' });
    const color = state.colorOf(row);
    if (color) chip.style.background = color;
    else chip.classList.add('none');
    const text = el('span', { className: 'words', dir: 'auto' });
    const { terms } = search;
    const fill = (value) => setHighlighted(text, showControls(value), terms, 160);
    const known = data.texts.peek(row);
    if (known === undefined) data.texts.get(row).then(fill, (error) => app.fail(error));
    else fill(known);
    return el('li', {}, el('button', { type: 'button', onclick: () => app.goTo(row) }, chip, text));
  }
}

// Tooltip of a legend row: the whole name, which the row may cut, and the key phrases.
function tooltip({ name, keywords }) {
  const phrases = (keywords ?? []).join(', ');
  return [name, phrases].filter((text, at) => text && (at === 0 || text !== name)).map(showControls).join('\n');
}
