// The panel beside the map: search and its hits, the coloring, the list of topics (which is the legend and the
// filter), and what is known about the run.
import { el } from './text.js';
import { count } from './text.js';
import { share } from './text.js';
import { showControls } from './text.js';
import { showNumber } from './text.js';
import { showDate } from './text.js';
import { setHighlighted } from './text.js';
import { shownOf } from './state.js';

const PAGE = 60;

export class Panel {
  constructor(app) {
    this.app = app;
    this.find = (id) => document.getElementById(id);
    this.listed = PAGE;
    this.fillHead();
    this.fillColorings();
    this.fillAbout();
    this.find('search').addEventListener('input', (event) => app.searchFor(event.target.value));
    this.find('search').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && app.search.rows.length) app.goTo(app.search.rows[0]);
      if (event.key === 'Escape') app.searchFor('');
    });
    this.find('search-clear').addEventListener('click', () => {
      app.searchFor('');
      this.find('search').focus();
    });
    this.find('noise').addEventListener('change', (event) => {
      app.state.toggle(app.state.clusters, app.state.noiseCode, event.target.checked);
      app.changed();
    });
    this.find('show-all').addEventListener('click', () => {
      for (const grouping of app.state.groupings) grouping.hidden.clear();
      app.changed();
    });
    this.find('show-none').addEventListener('click', () => {
      const grouping = app.state.coloring;
      for (let code = 0; code <= grouping.values.length; code++) grouping.hidden.add(code);
      app.changed();
    });
  }

  fillHead() {
    const { head, n } = this.app.data;
    this.find('title').textContent = showControls(head.title);
    const topics = head.clusters.length;
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

  // Brings everything that depends on the state up to date.
  refresh() {
    const { state, data, search } = this.app;
    this.find('noise').checked = !state.noiseHidden;
    this.find('coloring').value = state.coloring.key;
    const shown = state.visibleCount();
    this.find('shown').textContent = shown === data.n ? '' : `showing ${shownOf(shown, data.n)}`;
    this.fillLegend();
    this.fillHits(search);
  }

  fillLegend() {
    const { state } = this.app;
    const { coloring } = state;
    const list = this.find('legend');
    const kept = list.scrollTop;
    this.find('legend-title').textContent = coloring === state.clusters ? 'Topics' : showControls(coloring.name);
    this.find('legend-tools').hidden = !coloring.codes;
    if (!coloring.codes) {
      list.replaceChildren(this.rampItem(coloring));
      return;
    }
    const hits = state.hitsPer(coloring);
    const rows = coloring.values.map((value, code) => ({ value, code, hits: hits ? hits[code] : 0 }));
    rows.sort((a, b) => b.hits - a.hits || b.value.size - a.value.size || a.code - b.code);
    const none = coloring.none;
    if (none.size) rows.push({ value: none, code: coloring.values.length, hits: hits ? hits[coloring.values.length] : 0 });
    const largest = Math.max(1, ...coloring.values.map((value) => value.size));
    list.replaceChildren(...rows.map((row) => this.legendItem(coloring, row, largest, Boolean(hits))));
    list.scrollTop = kept;
  }

  legendItem(coloring, { value, code, hits }, largest, searching) {
    const { app } = this;
    const { state } = app;
    const isNone = code === coloring.values.length;
    const box = el('input', { type: 'checkbox', checked: !coloring.hidden.has(code),
      title: 'Show or hide; with Alt, Ctrl or Cmd only this one', 'aria-label': `Show ${value.name}` });
    box.addEventListener('click', (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) {
        event.preventDefault();
        // The box takes its state back after a prevented click: change it once that is over.
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
    if (isNone) chip.classList.add('none');
    else chip.style.background = value[state.theme];
    const bar = el('span', { className: 'bar' });
    bar.style.width = `${isNone ? 0 : Math.max(1, (100 * value.size) / largest)}%`;
    if (!isNone) bar.style.background = value[state.theme];
    const name = el('button', { type: 'button', className: 'name', title: value.title ?? told(value) },
      el('span', { className: 'words', dir: 'auto', textContent: showControls(value.name) }),
      el('span', { className: 'number', textContent: searching ? `${count(hits)} / ${count(value.size)}` : count(value.size) }),
      bar);
    name.addEventListener('click', (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) {
        state.only(coloring, code);
        app.changed();
      } else app.flyToValue(coloring, code);
    });
    const item = el('li', {}, box, chip, name);
    item.classList.toggle('off', coloring.hidden.has(code) || (searching && !hits));
    item.classList.toggle('none', isNone);
    item.addEventListener('pointerenter', () => app.emphasize(isNone ? -1 : code));
    item.addEventListener('pointerleave', () => app.emphasize(-1));
    return item;
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
    if (!search.terms.length) {
      this.find('hit-list').replaceChildren();
      this.find('hit-count').textContent = '';
      return;
    }
    const { rows } = search;
    const hidden = rows.reduce((sum, row) => sum + (state.isVisible(row) ? 0 : 1), 0);
    const found = `${count(rows.length)} ${rows.length === 1 ? 'text' : 'texts'}`;
    this.find('hit-count').textContent = search.done
      ? `${rows.length ? found : 'No text'} found${hidden ? `, ${count(hidden)} of them filtered out` : ''}`
      : `${found} so far (${Math.round(100 * (search.part ?? 0))} %)`;
    const items = rows.slice(0, this.listed).map((row) => {
      const chip = el('span', { className: 'chip' });
      const color = state.colorOf(row);
      if (color) chip.style.background = color;
      else chip.classList.add('none');
      const text = el('span', { className: 'words', dir: 'auto' });
      const known = data.texts.peek(row);
      const fill = (value) => setHighlighted(text, showControls(value), search.terms, 160);
      if (known === undefined) data.texts.get(row).then(fill, (error) => app.fail(error));
      else fill(known);
      return el('li', {}, el('button', { type: 'button', onclick: () => app.goTo(row) }, chip, text));
    });
    if (rows.length > this.listed) {
      items.push(el('li', {}, el('button', { type: 'button', className: 'more', textContent: `Show more (${count(rows.length - this.listed)} left)`,
        onclick: () => {
          this.listed += PAGE * 4;
          this.fillHits(search);
        } })));
    }
    this.find('hit-list').replaceChildren(...items);
  }
}

// What the legend tells of a value under the pointer: the whole name, which its line may cut, and the key phrases.
function told({ name, keywords }) {
  const phrases = (keywords ?? []).join(', ');
  return [name, phrases].filter((text, at) => text && (at === 0 || text !== name)).map(showControls).join('\n');
}
