// The application: reads the payload, connects the components, handles pointer and keys, stores the view in the URL.
import { readPayload } from './payload.js';
import { neighborsOf } from './payload.js';
import { Camera } from './camera.js';
import { nextFrame } from './camera.js';
import { Grid } from './grid.js';
import { WebglPoints } from './webgl.js';
import { CanvasPoints } from './canvas2d.js';
import { State } from './state.js';
import { Labels } from './labels.js';
import { Card } from './card.js';
import { Search } from './search.js';
import { Panel } from './panel.js';
import { count } from './text.js';

class App {
  constructor() {
    this.data = readPayload();
    this.stage = document.getElementById('stage');
    this.camera = new Camera(this.data);
    this.grid = new Grid(this.data, this.camera.box.all);
    this.state = new State(this.data);
    this.search = new Search(this.data);
    this.overlay = document.getElementById('overlay');
    this.labels = new Labels(document.getElementById('names'), this.data);
    this.card = new Card(document.getElementById('card'), this);
    this.hovered = -1;
    this.namesShown = true;
    this.wanted = readHash();
    this.setTheme(this.wanted.get('theme'));
    this.openPoints(this.wanted.get('draw') === '2d');
    this.panel = new Panel(this);
    this.restore();
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.stage);
    this.resize();
    this.restoreView();
    this.changed();
  }

  // Uses WebGL2, or else the 2-D canvas, and then shows a note.
  openPoints(avoid) {
    const note = document.getElementById('note');
    const old = document.getElementById('points');
    // A canvas that has had one kind of context cannot have another: the second attempt needs a new element.
    const fresh = old.cloneNode(false);
    old.replaceWith(fresh);
    try {
      if (avoid) throw new Error('the URL selects the 2-D canvas');
      this.points = new WebglPoints(fresh, this.data);
      note.hidden = true;
      fresh.addEventListener('webglcontextlost', (event) => {
        event.preventDefault();
        this.openPoints('lost');
        this.changed();
      });
    } catch (error) {
      const plain = fresh.cloneNode(false);
      fresh.replaceWith(plain);
      this.points = new CanvasPoints(plain, this.data);
      const why = avoid === 'lost' ? 'the WebGL context was lost' : error.message;
      note.textContent = `Drawn without WebGL, which is slower: ${why}.`;
      note.hidden = false;
    }
  }

  fail(error) {
    showFailure(error);
  }

  get style() {
    const { n } = this.data;
    const { camera, state } = this;
    const room = Math.sqrt(Math.min(1.6, (camera.width * camera.height) / 900000));
    const base = Math.min(7, Math.max(1.1, (62 / Math.max(n, 1) ** 0.28) * room));
    const zoom = Math.max(0.8, camera.zoom);
    const size = Math.min(Math.max(base, 12), base * zoom ** 0.38);
    const opacity = Math.min(0.92, Math.max(0.4, 1.75 / Math.max(n, 1) ** 0.085) + 0.25 * (1 - 1 / zoom));
    return {
      size, opacity, markSize: Math.max(size, 5), ratio: Math.min(2, devicePixelRatio || 1),
      ink: state.theme === 'dark' ? [1, 1, 1, 1] : [0.1, 0.12, 0.16, 1],
    };
  }

  // Recomputes the colors of all rows after a change of coloring, filters or hits.
  changed() {
    const { colors, order, marked, shown } = this.state.paint();
    this.points.update(colors, order, marked);
    this.shown = shown;
    if (this.card.row >= 0 && !this.state.isVisible(this.card.row)) this.pin(-1);
    this.panel.refresh();
    this.redraw();
  }

  repaint() {
    const { colors, order, marked } = this.state.paint();
    this.points.update(colors, order, marked);
    this.redraw();
  }

  redraw() {
    if (this.frame) return;
    this.frame = true;
    nextFrame(() => {
      this.frame = false;
      try {
        this.draw();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  draw() {
    const { camera, state, style } = this;
    this.points.draw(camera, style);
    if (this.namesShown) this.labels.place(camera, state);
    else this.labels.placed = [];
    this.labels.draw(camera, state, style.ratio);
    this.drawOverlay(style);
    this.card.move();
    document.getElementById('home').disabled = Boolean(camera.isHome);
    this.remember();
    this.frames = (this.frames ?? 0) + 1;
    if (this.frames === 1) {
      document.getElementById('loading').hidden = true;
      started = true;
    }
  }

  // Lines from the pinned point to its neighbors, rings around the pinned and the hovered point.
  drawOverlay({ size, ratio }) {
    const { overlay, camera, data, state } = this;
    const width = Math.round(camera.width * ratio);
    const height = Math.round(camera.height * ratio);
    if (overlay.width !== width || overlay.height !== height) {
      overlay.width = width;
      overlay.height = height;
    }
    const context = overlay.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, camera.width, camera.height);
    const ink = state.theme === 'dark' ? '#ffffff' : '#15181d';
    const ring = (row, radius, lineWidth) => {
      const [x, y] = camera.toScreen(data.x[row], data.y[row]);
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.lineWidth = lineWidth;
      context.strokeStyle = ink;
      context.stroke();
    };
    if (state.pinned >= 0) {
      const [x, y] = camera.toScreen(data.x[state.pinned], data.y[state.pinned]);
      context.strokeStyle = ink;
      for (const id of neighborsOf(data, state.pinned)) {
        const [nx, ny] = camera.toScreen(data.x[id], data.y[id]);
        context.globalAlpha = 0.55;
        context.lineWidth = 1.2;
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(nx, ny);
        context.stroke();
        context.globalAlpha = 1;
        ring(id, size / 2 + 2, 1.2);
      }
      ring(state.pinned, size / 2 + 4, 2.5);
    }
    if (this.hovered >= 0 && this.hovered !== state.pinned) ring(this.hovered, size / 2 + 3, 2);
  }

  resize() {
    const { width, height } = this.stage.getBoundingClientRect();
    if (width < 1 || height < 1) return;
    this.camera.resize(width, height);
    this.redraw();
  }

  rowAt(px, py) {
    const [x, y] = this.camera.toMap(px, py);
    const reach = Math.max(6, this.style.size / 2 + 3) / this.camera.scale;
    const { state } = this;
    const visible = (row) => state.isVisible(row);
    if (state.hits) {
      const hit = this.grid.nearest(x, y, reach, (row) => state.hits[row] === 1 && visible(row));
      if (hit >= 0) return hit;
    }
    return this.grid.nearest(x, y, reach, visible);
  }

  // The row nearest to the middle of the window, or -1.
  middleRow() {
    const { camera, state, grid } = this;
    const widest = Math.hypot(camera.width, camera.height) / 2;
    for (let reach = 6; reach < 4 * widest; reach *= 4) {
      const row = grid.nearest(camera.x, camera.y, Math.min(reach, widest) / camera.scale, (id) => state.isVisible(id));
      if (row >= 0) return row;
    }
    return -1;
  }

  hover(row) {
    if (row === this.hovered) return;
    this.hovered = row;
    this.stage.classList.toggle('over', row >= 0);
    if (this.state.pinned < 0) {
      if (row >= 0) this.card.show(row, false);
      else this.card.hide();
    }
    this.redraw();
  }

  pin(row) {
    this.state.pinned = row;
    if (row >= 0) this.card.show(row, true);
    else this.card.hide();
    this.redraw();
  }

  // Flies to a point and pins it.
  goTo(row) {
    const { data, camera, state } = this;
    if (!(row >= 0 && row < data.n)) return;
    if (!state.isVisible(row)) {
      for (const grouping of state.groupings) grouping.hidden.delete(grouping.codes?.[row]);
      this.changed();
    }
    closeDrawer();
    this.pin(row);
    this.flyTo(data.x[row], data.y[row], Math.max(camera.scale, camera.homeScale * 5));
  }

  // Flies to the region that holds most points with this value.
  flyToValue(grouping, code) {
    if (grouping.hidden.has(code)) {
      grouping.hidden.delete(code);
      this.changed();
    }
    closeDrawer();
    const { x, y, n } = this.data;
    const xs = [];
    const ys = [];
    for (let row = 0; row < n; row++) {
      if (grouping.codes[row] === code) {
        xs.push(x[row]);
        ys.push(y[row]);
      }
    }
    if (!xs.length) return;
    if (code === grouping.values.length) {
      this.goHome();
      return;
    }
    const range = (values) => {
      const sorted = Float32Array.from(values).sort();
      const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
      return [at(0.04), at(0.96)];
    };
    const [x0, x1] = range(xs);
    const [y0, y1] = range(ys);
    this.hover(-1);
    this.camera.flyToBox([x0, y0, x1, y1], () => this.redraw());
  }

  emphasize(code) {
    if (this.state.emphasis === code || this.state.hits) return;
    this.state.emphasis = code;
    clearTimeout(this.emphasisTimer);
    this.emphasisTimer = setTimeout(() => this.repaint(), 60);
  }

  searchFor(query) {
    this.panel.listed = 60;
    this.search.run(query, () => {
      this.state.hits = this.search.hits;
      this.state.searched = this.search.hits ? `${this.search.query} ${this.search.rows.length}` : '';
      this.state.emphasis = -1;
      this.changed();
    }).catch((error) => {
      this.fail(error);
      this.searchFor('');
    });
  }

  setTheme(wanted) {
    const system = matchMedia('(prefers-color-scheme: dark)');
    this.state.theme = wanted === 'dark' || wanted === 'light' ? wanted : system.matches ? 'dark' : 'light';
    document.documentElement.dataset.theme = this.state.theme;
    this.chosenTheme = wanted === 'dark' || wanted === 'light' ? wanted : null;
  }

  flyTo(x, y, scale) {
    this.hover(-1);
    this.camera.fly(x, y, scale, () => this.redraw());
  }

  zoomBy(factor) {
    const { camera } = this;
    this.flyTo(camera.x, camera.y, camera.scale * factor);
  }

  goHome() {
    const { camera } = this;
    this.flyTo(camera.homeX, camera.homeY, camera.homeScale);
  }

  listen() {
    const { stage, camera } = this;
    const at = (event) => {
      const box = stage.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const onCard = (event) => event.target.closest?.('#card, #tools, #note');
    const fingers = new Map();
    let moved = 0;
    let pinch = 0;

    stage.addEventListener('wheel', (event) => {
      if (onCard(event)) return;
      event.preventDefault();
      camera.stop();
      const step = event.deltaMode === 1 ? 24 : event.deltaMode === 2 ? 240 : 1;
      const turn = Math.max(-240, Math.min(240, event.deltaY * step));
      camera.zoomAt(...at(event), Math.exp(-turn * (event.ctrlKey ? 0.01 : 0.0022)));
      this.redraw();
    }, { passive: false });

    stage.addEventListener('pointerdown', (event) => {
      if (onCard(event) || event.button > 0) return;
      camera.stop();
      fingers.set(event.pointerId, at(event));
      stage.setPointerCapture(event.pointerId);
      moved = 0;
      pinch = 0;
    });
    stage.addEventListener('pointermove', (event) => {
      if (!fingers.has(event.pointerId)) {
        if (onCard(event)) return;
        this.hover(this.rowAt(...at(event)));
        return;
      }
      const [px, py] = at(event);
      const [ox, oy] = fingers.get(event.pointerId);
      fingers.set(event.pointerId, [px, py]);
      if (fingers.size === 2) {
        const [a, b] = [...fingers.values()];
        const width = Math.hypot(a[0] - b[0], a[1] - b[1]);
        if (pinch) camera.zoomAt((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, width / pinch);
        pinch = width;
        moved = 99;
      } else {
        moved += Math.abs(px - ox) + Math.abs(py - oy);
        if (moved > 3) {
          camera.pan(px - ox, py - oy);
          stage.classList.add('dragging');
        }
      }
      this.redraw();
    });
    const release = (event) => {
      if (!fingers.delete(event.pointerId)) return;
      pinch = 0;
      stage.classList.remove('dragging');
      if (event.type !== 'pointerup' || moved > 3) return;
      const [px, py] = at(event);
      const row = this.rowAt(px, py);
      if (row >= 0) this.pin(row === this.state.pinned ? -1 : row);
      else {
        const code = this.labels.at(px, py);
        if (this.state.pinned >= 0) this.pin(-1);
        else if (code >= 0) this.flyToValue(this.state.topics, code);
      }
    };
    stage.addEventListener('pointerup', release);
    stage.addEventListener('pointercancel', release);
    stage.addEventListener('pointerleave', () => this.hover(-1));
    stage.addEventListener('dblclick', (event) => {
      if (onCard(event)) return;
      camera.zoomAt(...at(event), 2);
      this.redraw();
    });

    const button = (id, action) => document.getElementById(id).addEventListener('click', action);
    button('zoom-in', () => this.zoomBy(1.8));
    button('zoom-out', () => this.zoomBy(1 / 1.8));
    button('home', () => this.goHome());
    button('theme', () => this.switchTheme());
    button('toggle-names', () => this.toggleNames());
    button('skip', () => stage.focus());
    button('failure-close', () => { document.getElementById('failure').hidden = true; });
    button('drawer', () => document.body.classList.toggle('open'));

    document.addEventListener('keydown', (event) => this.onKey(event));
    addEventListener('hashchange', () => {
      if (location.hash.slice(1) === this.hash) return;
      this.wanted = readHash();
      this.restore();
      this.restoreView();
      this.changed();
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      if (this.chosenTheme) return;
      this.setTheme(null);
      this.changed();
    });
  }

  switchTheme() {
    this.setTheme(this.state.theme === 'dark' ? 'light' : 'dark');
    if (this.card.row >= 0) this.card.fill(this.card.row, this.card.pinned);
    this.changed();
  }

  toggleNames() {
    this.namesShown = !this.namesShown;
    document.getElementById('toggle-names').setAttribute('aria-pressed', String(this.namesShown));
    this.redraw();
  }

  onKey(event) {
    if (event.key === 'Escape') {
      if (this.state.pinned >= 0) this.pin(-1);
      else closeDrawer();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const tag = event.target.tagName;
    if (event.key === '/' && tag !== 'INPUT') {
      event.preventDefault();
      document.body.classList.add('open');
      document.getElementById('search').focus();
      return;
    }
    if (event.target !== this.stage && event.target !== document.body) return;
    const { camera } = this;
    const step = 70;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (moves[event.key]) {
      event.preventDefault();
      camera.stop();
      camera.pan(...moves[event.key]);
      this.redraw();
    } else if (event.key === '+' || event.key === '=') this.zoomBy(1.5);
    else if (event.key === '-') this.zoomBy(1 / 1.5);
    else if (event.key === '0' || event.key === 'Home') this.goHome();
    else if (event.key === 'n') {
      this.state.toggle(this.state.topics, this.state.noiseCode);
      this.changed();
    } else if (event.key === 'l') this.toggleNames();
    else if (event.key === 'Enter') this.pin(this.middleRow());
  }

  // Restores filters, coloring and search from the URL fragment.
  restore() {
    const { wanted, state } = this;
    state.coloring = state.grouping(wanted.get('color') ?? 'cluster') ?? state.groupings[0];
    for (const grouping of state.groupings) grouping.hidden.clear();
    for (const [name, list] of wanted) {
      const grouping = name.startsWith('off.') && state.grouping(name.slice(4));
      if (!grouping?.codes) continue;
      for (const code of list.split('.')) if (/^\d+$/.test(code)) grouping.hidden.add(Number(code));
    }
    if (wanted.get('noise') === '0') state.topics.hidden.add(state.noiseCode);
    if ((wanted.get('names') !== '0') !== this.namesShown) this.toggleNames();
    this.setTheme(wanted.get('theme'));
    const query = wanted.get('q') ?? '';
    if (query !== this.search.query) this.searchFor(query);
  }

  restoreView() {
    const { wanted, camera, data } = this;
    const [x, y, zoom] = (wanted.get('at') ?? '').split(',').map(Number);
    camera.stop();
    if (wanted.has('at') && [x, y, zoom].every(Number.isFinite)) camera.set(x, y, zoom * camera.homeScale);
    else camera.home();
    const pin = Number(wanted.get('pin') ?? -1);
    this.pin(Number.isInteger(pin) && pin >= 0 && pin < data.n ? pin : -1);
  }

  // Stores the view in the URL fragment once it has come to rest.
  remember() {
    clearTimeout(this.rememberTimer);
    this.rememberTimer = setTimeout(() => {
      const { camera, state } = this;
      const parts = new URLSearchParams();
      if (!camera.isHome) parts.set('at', `${camera.x.toFixed(4)},${camera.y.toFixed(4)},${camera.zoom.toFixed(3)}`);
      if (state.coloring !== state.topics) parts.set('color', state.coloring.key);
      for (const grouping of state.groupings) {
        const off = [...grouping.hidden].filter((code) => grouping !== state.topics || code !== state.noiseCode);
        if (off.length) parts.set(`off.${grouping.key}`, off.sort((a, b) => a - b).join('.'));
      }
      if (state.noiseHidden) parts.set('noise', '0');
      if (!this.namesShown) parts.set('names', '0');
      if (this.search.query) parts.set('q', this.search.query);
      if (state.pinned >= 0) parts.set('pin', String(state.pinned));
      if (this.chosenTheme) parts.set('theme', this.chosenTheme);
      if (this.points.kind === 'canvas2d' && this.wanted.get('draw') === '2d') parts.set('draw', '2d');
      this.hash = parts.toString();
      if (location.hash.slice(1) !== this.hash) {
        try {
          history.replaceState(null, '', `#${this.hash}`);
        } catch {
          // Some browsers refuse this for local files: then the view is not stored.
        }
      }
    }, 250);
  }
}

function readHash() {
  return new URLSearchParams(location.hash.slice(1));
}

function closeDrawer() {
  document.body.classList.remove('open');
}

// Whether a map has been drawn; it stays visible if something fails later.
let started = false;
const failures = new Set();

// Shows each error once; a map that is drawn stays usable.
function showFailure(error) {
  const message = error?.message ?? String(error);
  if (failures.has(message)) return;
  failures.add(message);
  document.getElementById('failure-title').textContent = started ? 'A part of the map does not work' : 'The map could not be shown';
  document.getElementById('failure-text').textContent = message;
  document.getElementById('failure-close').hidden = !started;
  document.getElementById('failure').hidden = false;
  document.getElementById('loading').hidden = true;
}

// Browsers also report benign conditions here, without an error object.
addEventListener('error', (event) => {
  if (event.error) showFailure(event.error);
});
addEventListener('unhandledrejection', (event) => showFailure(event.reason));

// Lets the browser show the page before it decodes a large payload.
nextFrame(() => setTimeout(() => {
  try {
    const app = new App();
    // For scripts and tests.
    window.skerry = app;
    if (app.data.n === 0) showFailure(new Error('there are no texts in this map'));
    document.documentElement.dataset.ready = count(app.data.n);
  } catch (error) {
    showFailure(error);
  }
}));
