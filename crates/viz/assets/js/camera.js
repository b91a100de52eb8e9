// The view of the map: a center in layout units and a scale in CSS pixels per unit, the same on both axes.

// Calls back with the next frame, or after a tenth of a second if there is none (hidden window, busy graphics
// process), so that nothing waits forever.
export function nextFrame(callback) {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    callback(performance.now());
  };
  requestAnimationFrame(once);
  setTimeout(once, 100);
}

export class Camera {
  constructor(data) {
    this.box = bounds(data);
    this.width = 1;
    this.height = 1;
    this.x = 0;
    this.y = 0;
    this.scale = 1;
    this.flight = 0;
  }

  resize(width, height) {
    const atHome = this.isHome;
    const zoom = this.homeScale ? this.scale / this.homeScale : 1;
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    const { fit } = this.box;
    const margin = Math.min(36, 0.05 * Math.min(this.width, this.height));
    this.homeScale = Math.min(
      (this.width - 2 * margin) / Math.max(fit[2] - fit[0], 1e-6),
      (this.height - 2 * margin) / Math.max(fit[3] - fit[1], 1e-6),
    );
    this.homeX = (fit[0] + fit[2]) / 2;
    this.homeY = (fit[1] + fit[3]) / 2;
    if (atHome !== false) this.home();
    else this.set(this.x, this.y, zoom * this.homeScale);
  }

  home() {
    this.set(this.homeX, this.homeY, this.homeScale);
  }

  get zoom() {
    return this.scale / this.homeScale;
  }

  get isHome() {
    if (!this.homeScale) return undefined;
    const near = (a, b) => Math.abs(a - b) * this.scale < 0.5;
    return near(this.x, this.homeX) && near(this.y, this.homeY) && Math.abs(this.zoom - 1) < 0.002;
  }

  // Limits the zoom in both directions.
  set(x, y, scale) {
    const { all, smallest } = this.box;
    const least = Math.min(this.homeScale * 0.6,
      0.8 * Math.min(this.width / (all[2] - all[0] || 1), this.height / (all[3] - all[1] || 1)));
    const most = Math.max(this.homeScale * 20, Math.min(this.homeScale * 600, 28 / smallest));
    this.scale = Math.min(most, Math.max(least, scale));
    this.x = Math.min(all[2], Math.max(all[0], x));
    this.y = Math.min(all[3], Math.max(all[1], y));
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (this.y - y) * this.scale + this.height / 2];
  }

  toMap(px, py) {
    return [this.x + (px - this.width / 2) / this.scale, this.y - (py - this.height / 2) / this.scale];
  }

  zoomAt(px, py, factor) {
    const [x, y] = this.toMap(px, py);
    this.set(this.x, this.y, this.scale * factor);
    const [nowX, nowY] = this.toMap(px, py);
    this.set(this.x + x - nowX, this.y + y - nowY, this.scale);
  }

  pan(dx, dy) {
    this.set(this.x - dx / this.scale, this.y + dy / this.scale, this.scale);
  }

  // Animates to the view in about a third of a second, or jumps if the user prefers reduced motion.
  fly(x, y, scale, redraw) {
    const from = [this.x, this.y, Math.log(this.scale)];
    const to = [x, y, Math.log(scale)];
    const ticket = ++this.flight;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      this.set(x, y, scale);
      redraw();
      return;
    }
    const start = performance.now();
    const step = (now) => {
      if (ticket !== this.flight) return;
      const t = Math.min(1, Math.max(0, (now - start) / 350));
      const ease = t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
      const at = from.map((value, i) => value + (to[i] - value) * ease);
      this.set(at[0], at[1], Math.exp(at[2]));
      redraw();
      if (t < 1) nextFrame(step);
    };
    nextFrame(step);
  }

  // Flies to a box of the map, with a margin around it.
  flyToBox(box, redraw) {
    const room = 0.62;
    const scale = Math.min(
      (this.width * room) / Math.max(box[2] - box[0], 1e-6),
      (this.height * room) / Math.max(box[3] - box[1], 1e-6),
      this.homeScale * 24,
    );
    this.fly((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, Math.max(scale, this.homeScale), redraw);
  }

  stop() {
    this.flight++;
  }
}

// The bounding box of all points, and the box to fit at the start, which excludes a few far outliers.
function bounds({ x, y, n }) {
  const edges = (values) => {
    const step = Math.max(1, Math.floor(n / 50000));
    const sample = new Float32Array(Math.ceil(n / step));
    for (let i = 0; i < sample.length; i++) sample[i] = values[i * step];
    sample.sort();
    let low = Infinity;
    let high = -Infinity;
    for (let i = 0; i < n; i++) {
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
    const trimLow = sample[Math.floor(sample.length * 0.003)] ?? 0;
    const trimHigh = sample[Math.min(sample.length - 1, Math.floor(sample.length * 0.997))] ?? 0;
    const room = 0.05 * (trimHigh - trimLow);
    return [low, high, Math.max(low, trimLow - room), Math.min(high, trimHigh + room)];
  };
  if (!n) return { all: [-1, -1, 1, 1], fit: [-1, -1, 1, 1], smallest: 1 };
  const [x0, x1, fx0, fx1] = edges(x);
  const [y0, y1, fy0, fy1] = edges(y);
  const keep = (a0, a1, f0, f1) => (a1 - a0 <= 1.25 * (f1 - f0) ? [a0, a1] : [f0, f1]);
  const [left, right] = keep(x0, x1, fx0, fx1);
  const [bottom, top] = keep(y0, y1, fy0, fy1);
  const side = Math.max(right - left, top - bottom) || 1;
  // The spacing of evenly spread points: zooming far beyond it shows nothing new.
  return { all: [x0, y0, x1, y1], fit: [left, bottom, right, top], smallest: (0.02 * side) / Math.sqrt(n) };
}
