// A grid over the layout that finds the point nearest to the pointer.

export class Grid {
  constructor({ x, y, n }, box) {
    this.x = x;
    this.y = y;
    const [left, bottom, right, top] = box;
    const side = Math.max(right - left, top - bottom) || 1;
    this.size = Math.max(1, Math.min(1024, Math.ceil(Math.sqrt(n))));
    this.left = left;
    this.bottom = bottom;
    this.cell = (side * 1.000001) / this.size;
    const cells = this.size * this.size;
    this.start = new Uint32Array(cells + 1);
    const of = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      of[i] = this.row(y[i]) * this.size + this.column(x[i]);
      this.start[of[i] + 1]++;
    }
    for (let c = 0; c < cells; c++) this.start[c + 1] += this.start[c];
    const next = this.start.slice(0, cells);
    this.items = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.items[next[of[i]]++] = i;
  }

  column(x) {
    return Math.min(this.size - 1, Math.max(0, Math.floor((x - this.left) / this.cell)));
  }

  row(y) {
    return Math.min(this.size - 1, Math.max(0, Math.floor((y - this.bottom) / this.cell)));
  }

  // The point nearest to (x, y) within `radius` for which `accepts(id)` is true, or -1. Ties: smaller id.
  nearest(x, y, radius, accepts) {
    let best = -1;
    let least = radius * radius;
    for (let r = this.row(y - radius); r <= this.row(y + radius); r++) {
      const line = r * this.size;
      const to = this.start[line + this.column(x + radius) + 1];
      for (let at = this.start[line + this.column(x - radius)]; at < to; at++) {
        const id = this.items[at];
        const d = (this.x[id] - x) ** 2 + (this.y[id] - y) ** 2;
        if ((d < least || (d === least && (best < 0 || id < best))) && accepts(id)) {
          best = id;
          least = d;
        }
      }
    }
    return best;
  }
}
