// The card beside a point: text, topic and fields; a pinned card also lists the neighbors.
import { el } from './text.js';
import { count } from './text.js';
import { share } from './text.js';
import { showControls } from './text.js';
import { showNumber } from './text.js';
import { showDate } from './text.js';
import { setHighlighted } from './text.js';
import { neighborsOf } from './payload.js';

function isDetail(name, value) {
  const isId = /(?:^|[_\s.-])(?:id|uuid|guid)$/i.test(name) || /[a-z]I[dD]$/.test(name);
  return isId || (typeof value === 'string' && /^\s*(?:\{\s*"|\[\s*[[{"\d-])/.test(value));
}

export class Card {
  constructor(element, app) {
    this.element = element;
    this.app = app;
    this.row = -1;
    this.pinned = false;
    this.ticket = 0;
    // Placeholder of a text that is not decompressed yet, or cannot be.
    this.fault = '\u2026';
  }

  hide() {
    this.row = -1;
    this.pinned = false;
    this.ticket++;
    this.element.hidden = true;
  }

  show(row, pinned) {
    if (row === this.row && pinned === this.pinned) return this.move();
    this.row = row;
    this.pinned = pinned;
    const ticket = ++this.ticket;
    this.fill(row, pinned);
    this.element.hidden = false;
    this.move();
    const { data } = this.app;
    const waiting = [data.texts, ...data.columns.filter((column) => column.texts).map((column) => column.texts)]
      .filter((texts) => texts.peek(row) === undefined)
      .map((texts) => texts.get(row));
    if (!waiting.length) return undefined;
    return Promise.all(waiting).then(() => {
      if (ticket !== this.ticket) return;
      this.fill(row, pinned);
      this.move();
    }, (error) => {
      this.fault = error.message;
      if (ticket === this.ticket) this.fill(row, pinned);
      this.app.fail(error);
    });
  }

  fill(row, pinned) {
    const { data, state, search } = this.app;
    const code = data.cluster[row];
    const topic = data.head.topics[code];
    const chip = el('span', { className: 'chip' });
    if (topic) chip.style.background = topic[state.theme];
    else chip.classList.add('none');
    const heading = el('div', { className: 'card-topic' }, chip,
      el('strong', { textContent: showControls(topic ? topic.name : 'In no topic'), dir: 'auto' }),
      topic ? el('span', { className: 'soft', textContent: `${count(topic.size)} texts` }) : null);
    const parent = data.head.layers[0]?.[topic?.parent];
    if (parent) heading.append(el('span', { className: 'soft', textContent: `part of ${showControls(parent.name)}`, dir: 'auto' }));
    if (pinned) {
      heading.append(el('button', { type: 'button', className: 'close', textContent: '\u00d7', title: 'Close (Esc)',
        'aria-label': 'Close', onclick: () => this.app.pin(-1) }));
    }
    const text = el('p', { className: 'card-text', dir: 'auto' });
    const known = data.texts.peek(row);
    setHighlighted(text, known === undefined ? this.fault : showControls(known), search.terms, pinned ? Infinity : 600);
    const fields = el('dl');
    for (const column of data.columns) {
      const value = this.valueOf(column, row);
      // Row ids and raw JSON are shown on pinned cards only.
      if (value === null || (!pinned && isDetail(column.name, value))) continue;
      fields.append(el('dt', { textContent: showControls(column.name), dir: 'auto' }), el('dd', { dir: 'auto' }, value));
    }
    const quality = [
      ['Membership', 'How firmly the text belongs to its topic', topic && data.probability],
      ['Outlier score', 'How far the text lies from the dense parts of the topics', data.outlier],
      ['Neighbors kept', 'Share of its nearest texts that are near it on the map; if it is low, the position is unreliable', data.preserved],
    ];
    for (const [name, title, shares] of quality) {
      if (shares) fields.append(el('dt', { textContent: name, title }), el('dd', { textContent: share(shares[row], 255) }));
    }
    this.element.replaceChildren(heading, text);
    if (fields.childElementCount) this.element.append(fields);
    if (pinned) this.addNeighbors(row);
    this.element.classList.toggle('pinned', pinned);
  }

  valueOf(column, row) {
    if (column.kind === 'category') return showControls(column.categories[column.values[row]]?.name ?? '') || null;
    if (column.kind === 'number') return Number.isNaN(column.values[row]) ? null : showNumber(column.values[row]);
    if (column.kind === 'date') return Number.isNaN(column.values[row]) ? null : showDate(column.values[row], column.time);
    const text = column.texts.peek(row);
    if (!text) return text === undefined && this.fault === '\u2026' ? this.fault : null;
    if (column.kind === 'url' && /^https?:\/\//i.test(text)) {
      return el('a', { href: text, target: '_blank', rel: 'noopener noreferrer', textContent: showControls(text) });
    }
    const short = text.length > 300 ? `${Array.from(text).slice(0, 300).join('')}\u2026` : text;
    return showControls(short);
  }

  addNeighbors(row) {
    const { data, state } = this.app;
    const ids = neighborsOf(data, row);
    if (!ids.length) {
      this.element.append(el('p', { className: 'soft', textContent: data.head.neighborsNote }));
      return;
    }
    const list = el('ol', { className: 'near' });
    for (const id of ids) {
      const chip = el('span', { className: 'chip' });
      const topic = data.head.topics[data.cluster[id]];
      if (topic) chip.style.background = topic[state.theme];
      else chip.classList.add('none');
      const label = el('span', { dir: 'auto', textContent: '\u2026' });
      data.texts.get(id).then((text) => setHighlighted(label, showControls(text), [], 90), (error) => this.app.fail(error));
      list.append(el('li', {}, el('button', { type: 'button', onclick: () => this.app.goTo(id) }, chip, label)));
    }
    this.element.append(el('h3', { textContent: `Nearest texts (${ids.length})` }), list);
  }

  // Places the card beside the point, inside the window, without covering the name of the point's topic.
  move() {
    if (this.row < 0) return;
    const { camera, labels, data } = this.app;
    const [px, py] = camera.toScreen(data.x[this.row], data.y[this.row]);
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const gap = 14;
    const edge = 8;
    const clampY = (y) => Math.max(edge, Math.min(camera.height - height - edge, y));
    const clampX = (x) => Math.max(edge, Math.min(camera.width - width - edge, x));
    const spots = [
      [px + gap, clampY(py - height / 2)], [px - gap - width, clampY(py - height / 2)],
      [clampX(px - width / 2), py + gap], [clampX(px - width / 2), py - gap - height],
    ];
    const label = labels.boxOf(data.cluster[this.row]);
    if (label) {
      for (const y of [label[1] - height - 6, label[3] + 6]) spots.push([px + gap, y], [px - gap - width, y], [clampX(px - width / 2), y]);
    }
    const covered = ([x, y]) => px > x - 4 && px < x + width + 4 && py > y - 4 && py < y + height + 4;
    const penalty = ([x, y]) => {
      const outside = Math.max(0, edge - x) + Math.max(0, edge - y) +
        Math.max(0, x + width + edge - camera.width) + Math.max(0, y + height + edge - camera.height);
      const covers = label && x < label[2] && label[0] < x + width && y < label[3] && label[1] < y + height;
      return outside * 10 + (covers ? 50 : 0) + (covered([x, y]) ? 400 : 0);
    };
    let best = spots[0];
    for (const spot of spots) if (penalty(spot) < penalty(best)) best = spot;
    this.element.style.left = `${Math.round(clampX(best[0]))}px`;
    this.element.style.top = `${Math.round(clampY(best[1]))}px`;
  }
}
