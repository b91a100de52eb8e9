// Names of topics on the map: placed by size, without overlap, more of them at higher zoom.

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';

// Maximum width of a line, in ems.
const MAX_LINE_EMS = 15;
// Characters removed before an ellipsis: commas, spaces, and marks that join the following character.
const LOOSE = /[\s,;\u200b-\u200f\ufe00-\ufe0f\u2026]+$/u;

// The first letter of the name is of a right-to-left script.
const RIGHT_TO_LEFT = /^\P{L}*[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

export class Labels {
  constructor(canvas, data) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    const { head } = data;
    const largest = Math.max(1, ...head.topics.map((topic) => topic.size));
    const fine = head.topics.map((topic, code) => ({ ...topic, code, weight: Math.sqrt(topic.size / largest) }));
    // Names of the coarser layers, one layer at a time: the coarsest while the whole map is in view. Names
    // that a finer topic has too are left out.
    const names = new Set(fine.map((topic) => topic.name));
    this.layers = head.layers.length;
    this.count = fine.length;
    const coarse = head.layers.flatMap((layer, level) =>
      layer.filter((topic) => !names.has(topic.name))
        .map((topic) => ({ ...topic, code: -1, weight: 1, reach: 0, coarse: true, level })));
    this.items = [...coarse, ...fine].sort((a, b) => Boolean(b.coarse) - Boolean(a.coarse) || b.size - a.size || a.code - b.code);
    this.planned = null;
    this.placed = [];
    this.measured = '';
  }

  // Breaks a name into at most three lines of about `limit` characters, between words.
  lines(name, limit) {
    const lines = [];
    for (const word of name.split(/\s+/).filter(Boolean)) {
      const last = lines[lines.length - 1];
      if (last !== undefined && last.length + 1 + word.length <= limit) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    if (lines.length <= 3) return lines;
    return [...lines.slice(0, 2), `${lines[2].replace(LOOSE, '')}\u2026`];
  }

  // Cuts a line wider than `most` with an ellipsis: one long phrase would cross the whole map.
  cut(line, most) {
    const width = (text) => this.context.measureText(text).width;
    // Never more than 400 characters of a line are visible, which bounds the measuring.
    const letters = [...line.slice(0, 400)];
    if (line.length < 8 || width(letters.join('')) <= most) return line;
    let [kept, gone] = [0, letters.length];
    while (gone - kept > 1) {
      const middle = (kept + gone) >> 1;
      if (width(`${letters.slice(0, middle).join('')}\u2026`) <= most) kept = middle;
      else gone = middle;
    }
    return `${letters.slice(0, kept).join('').replace(LOOSE, '')}\u2026`;
  }

  measure(camera) {
    const small = Math.min(1, Math.max(0.8, Math.min(camera.width, camera.height) / 760));
    const key = `${small.toFixed(2)}`;
    if (key === this.measured) return;
    this.measured = key;
    this.planned = null;
    for (const item of this.items) {
      item.px = item.coarse ? 17 * small : (11 + 6.5 * item.weight) * small;
      item.font = `${item.coarse ? 700 : 600} ${item.px.toFixed(1)}px ${FONT}`;
      this.context.font = item.font;
      item.rows = this.lines(item.coarse ? item.name.toLocaleUpperCase() : item.name, item.weight > 0.6 ? 20 : 17)
        .map((row) => this.cut(row, MAX_LINE_EMS * item.px));
      item.width = Math.max(1, ...item.rows.map((row) => this.context.measureText(row).width));
      item.line = item.px * 1.14;
      item.height = item.rows.length * item.line;
    }
  }

  // Positions of the names for this camera. The selection of names and their offsets are computed once per zoom
  // step and depend on nothing else, so panning moves no name and zooming back restores the same picture.
  place(camera, state) {
    this.measure(camera);
    const { topics } = state;
    const focus = state.hits ? state.hitsPer(topics) : null;
    const boxes = new Occupied();
    this.placed = [];
    for (const { item, offset } of this.plan(camera, state, focus)) {
      const [x, y] = camera.toScreen(item.x, item.y);
      const spot = this.spotAt(item, x, y, offset, camera.scale, camera, boxes);
      if (!spot) continue;
      boxes.add(spot.box, spot.leader);
      this.placed.push({ ...spot, item, quiet: Boolean(focus && item.code >= 0 && !focus[item.code]) });
    }
  }

  plan(camera, state, focus) {
    const { topics } = state;
    const level = Math.floor(Math.log2(camera.zoom) * 3 + 1e-3);
    const key = [level, camera.width, camera.height, [...topics.hidden].join(' '), state.searched].join('/');
    if (key === this.planned?.key) return this.planned.spots;
    const zoom = 2 ** (level / 3);
    const scale = camera.homeScale * zoom;
    const budget = capacity(camera) * Math.max(1, zoom ** 1.7);
    // During a search, topics with hits come first.
    const items = !focus ? this.items : [...this.items].sort((a, b) => (focus[b.code] ?? 0) - (focus[a.code] ?? 0));
    const boxes = new Occupied();
    const spots = [];
    const at = (item) => [(item.x - camera.homeX) * scale + camera.width / 2, (camera.homeY - item.y) * scale + camera.height / 2];
    // Names of layers are shown only if the names of all topics do not fit on the whole map. Each zoom by a factor of 2.2
    // changes to the next finer layer; after the finest, only topics are named.
    const crowded = this.count > 1.25 * capacity(camera);
    const layer = crowded ? this.layers - 1 - Math.max(0, Math.floor(Math.log(zoom) / Math.log(2.2))) : -1;
    const shown = items.filter((item) => (item.coarse ? item.level === layer : !topics.hidden.has(item.code)));
    // Positions of the topics to be named: the name of one should not cover another.
    const places = shown.slice(0, Math.min(200, Math.ceil(budget))).map((item, rank) => ({ rank, at: at(item) }));
    for (const [rank, item] of shown.entries()) {
      if (spots.length >= budget) break;
      const [x, y] = at(item);
      // A name may not cover the positions of later topics, nor of its own topic if that is small.
      const first = this.isSmall(item, scale) ? rank : rank + 1;
      let chosen = null;
      for (const offset of this.offsets(item, scale)) {
        const spot = this.spotAt(item, x, y, offset, scale, camera, boxes);
        if (!spot) continue;
        chosen ??= { spot, offset };
        if (spot.leader || places.some((place) => place.rank >= first && contains(spot.box, place.at))) continue;
        chosen = { spot, offset };
        break;
      }
      if (!chosen) continue;
      boxes.add(chosen.spot.box, chosen.spot.leader);
      spots.push({ item, offset: chosen.offset });
    }
    this.planned = { key, spots };
    return spots;
  }

  // Offsets to try. The name of a small topic goes below or above it, so as not to hide it; other names go on the
  // topic if they fit, else beside it, else farther away with a leader line.
  offsets(item, scale) {
    // A coarser cluster is too wide for a leader line: its name is placed near its anchor or not at all.
    if (item.coarse) return NEAR;
    if (!this.isSmall(item, scale)) return SPOTS;
    const step = (item.reach * scale * 0.8 + 4 + item.height / 2) / (item.height * 0.5 + 12);
    return step < 2 ? [[0, step], [0, -step], ...SPOTS] : SPOTS;
  }

  // Whether the name of this topic would hide its points.
  isSmall(item, scale) {
    return !item.coarse && item.height >= item.reach * scale * 1.6;
  }

  spotAt(item, x, y, [dx, dy], scale, camera, boxes) {
    // With the whole map in view, names are kept inside the window.
    const keep = (at, half, size) =>
      (scale < camera.homeScale * 1.05 ? Math.max(half + 6, Math.min(size - half - 6, at)) : at);
    const [halfWidth, halfHeight] = [item.width / 2, item.height / 2];
    const cx = keep(x + dx * (halfWidth + 14), halfWidth, camera.width);
    const cy = keep(y + dy * (halfHeight + 12), halfHeight, camera.height);
    const box = [cx - halfWidth - 3, cy - halfHeight - 1, cx + halfWidth + 3, cy + halfHeight + 1];
    const far = Math.abs(dx) > 1.05 || Math.abs(dy) * (halfHeight + 12) > item.reach * scale + halfHeight + 10;
    const leader = far ? lineTo(box, x, y) : null;
    return boxes.isFree(box, leader) ? { x: cx, y: cy, box, leader } : null;
  }

  draw(camera, state, ratio) {
    const width = Math.round(camera.width * ratio);
    const height = Math.round(camera.height * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const { context } = this;
    const dark = state.theme === 'dark';
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, camera.width, camera.height);
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.lineJoin = 'round';
    const halo = dark ? '#14171c' : '#ffffff';
    for (const { leader } of this.placed) {
      if (!leader) continue;
      context.strokeStyle = dark ? '#9aa3b0' : '#6b7280';
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(leader[0], leader[1]);
      context.lineTo(leader[2], leader[3]);
      context.stroke();
    }
    for (const { item, x, y, box, quiet } of this.placed) {
      if (box[2] < 0 || box[3] < 0 || box[0] > camera.width || box[1] > camera.height) continue;
      context.font = quiet ? item.font.replace(/^\d+/, '400') : item.font;
      context.strokeStyle = halo;
      context.lineWidth = 5;
      const plain = dark ? '#b4bac4' : '#5d6470';
      context.fillStyle = item.coarse ? (dark ? '#f1f3f6' : '#20242b') : quiet ? plain : item[dark ? 'inkDark' : 'inkLight'];
      const top = y - ((item.rows.length - 1) * item.line) / 2;
      context.direction = RIGHT_TO_LEFT.test(item.name) ? 'rtl' : 'ltr';
      item.rows.forEach((row, i) => context.strokeText(row, x, top + i * item.line));
      item.rows.forEach((row, i) => context.fillText(row, x, top + i * item.line));
    }
  }

  boxOf(code) {
    return this.placed.find(({ item }) => item.code === code)?.box;
  }

  // The topic whose name is at this position of the window, or -1.
  at(px, py) {
    const hit = this.placed.find(({ item, box }) =>
      item.code >= 0 && px >= box[0] && px <= box[2] && py >= box[1] && py <= box[3]);
    return hit ? hit.item.code : -1;
  }
}

// Offsets to try, in half sizes of the label: the anchor itself, its surroundings, then rings farther out.
const SPOTS = (() => {
  const spots = [[0, 0], [0, -0.55], [0, 0.55], [0, -1], [0, 1], [-0.6, 0], [0.6, 0], [-1, 0], [1, 0],
    [0.7, -0.9], [-0.7, -0.9], [0.7, 0.9], [-0.7, 0.9]];
  for (const radius of [1.5, 2.1, 2.8, 3.6]) {
    for (let step = 0; step < 12; step++) {
      const angle = ((step * 5) % 12) * (Math.PI / 6);
      spots.push([Math.cos(angle) * radius * 0.62, Math.sin(angle) * radius]);
    }
  }
  return spots;
})();

// Maximum number of names in a window of this size.
function capacity({ width, height }) {
  return Math.max(6, (width * height) / 26000);
}

const NEAR = SPOTS.slice(0, 5);

function lineTo(box, x, y) {
  const px = Math.min(box[2], Math.max(box[0], x));
  const py = Math.min(box[3], Math.max(box[1], y));
  return [px, py, x, y];
}

function contains([x0, y0, x1, y1], [x, y]) {
  return x0 <= x && x <= x1 && y0 <= y && y <= y1;
}

// Occupied boxes and leader lines.
class Occupied {
  constructor() {
    this.cells = new Map();
    this.lines = [];
  }

  * keys([x0, y0, x1, y1]) {
    for (let r = Math.floor(y0 / 64); r <= Math.floor(y1 / 64); r++) {
      for (let c = Math.floor(x0 / 128); c <= Math.floor(x1 / 128); c++) yield r * 65536 + c;
    }
  }

  isFree(box, leader) {
    for (const key of this.keys(box)) {
      for (const other of this.cells.get(key) ?? []) {
        if (box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]) return false;
      }
    }
    if (this.lines.some((line) => crosses(line, box))) return false;
    if (!leader) return true;
    const around = [Math.min(leader[0], leader[2]), Math.min(leader[1], leader[3]),
      Math.max(leader[0], leader[2]), Math.max(leader[1], leader[3])];
    for (const key of this.keys(around)) {
      for (const other of this.cells.get(key) ?? []) if (crosses(leader, other)) return false;
    }
    return true;
  }

  add(box, leader) {
    for (const key of this.keys(box)) {
      if (!this.cells.has(key)) this.cells.set(key, []);
      this.cells.get(key).push(box);
    }
    if (leader) this.lines.push(leader);
  }
}

// Whether a line segment intersects a box (Liang and Barsky).
function crosses([ax, ay, bx, by], [x0, y0, x1, y1]) {
  let from = 0;
  let to = 1;
  const sides = [[ax - bx, ax - x0], [bx - ax, x1 - ax], [ay - by, ay - y0], [by - ay, y1 - ay]];
  for (const [p, q] of sides) {
    if (p === 0) {
      if (q < 0) return false;
    } else if (p < 0) from = Math.max(from, q / p);
    else to = Math.min(to, q / p);
  }
  return from <= to;
}
