// The state of the view: coloring, filters and search hits, from which the color of every row and the drawing order
// are computed.
function rgba(hex, alpha = 255) {
  const value = parseInt(hex.slice(1), 16);
  // Bytes in memory are R, G, B, A; every platform with a browser is little-endian.
  return ((alpha << 24) | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}

const MUTED = {
  light: { none: rgba('#b9bec7', 150), dimmed: rgba('#cfd3da', 90), missing: rgba('#c3c7ce', 120) },
  dark: { none: rgba('#6a7280', 140), dimmed: rgba('#4a515c', 100), missing: rgba('#59606b', 120) },
};

export class State {
  constructor(data) {
    this.data = data;
    this.groupings = [topicGrouping(data), ...data.columns.map(columnGrouping).filter(Boolean)];
    this.coloring = this.groupings[0];
    this.theme = 'light';
    this.hits = null;
    this.searched = '';
    this.emphasis = -1;
    this.pinned = -1;
  }

  get topics() {
    return this.groupings[0];
  }

  get noiseCode() {
    return this.topics.values.length;
  }

  get noiseHidden() {
    return this.topics.hidden.has(this.noiseCode);
  }

  grouping(key) {
    return this.groupings.find((grouping) => grouping.key === key);
  }

  isVisible(row) {
    for (const grouping of this.groupings) {
      if (grouping.hidden.size && grouping.hidden.has(grouping.codes[row])) return false;
    }
    return true;
  }

  visibleCount() {
    if (this.groupings.every((grouping) => !grouping.hidden.size)) return this.data.n;
    let shown = 0;
    for (let row = 0; row < this.data.n; row++) if (this.isVisible(row)) shown++;
    return shown;
  }

  // Hits per value of a grouping, or null without a search.
  hitsPer(grouping) {
    if (!this.hits) return null;
    const counts = new Uint32Array(grouping.values.length + 1);
    for (let row = 0; row < this.data.n; row++) if (this.hits[row]) counts[grouping.codes[row]]++;
    return counts;
  }

  toggle(grouping, code, show) {
    if (show ?? grouping.hidden.has(code)) grouping.hidden.delete(code);
    else grouping.hidden.add(code);
  }

  none(grouping) {
    for (let code = 0; code <= grouping.values.length; code++) grouping.hidden.add(code);
  }

  only(grouping, code) {
    this.none(grouping);
    grouping.hidden.delete(code);
  }

  colorOf(row) {
    const { coloring, theme } = this;
    if (coloring.codes) {
      const code = coloring.codes[row];
      return code < coloring.values.length ? coloring.values[code][theme] : null;
    }
    const value = coloring.numbers[row];
    return Number.isNaN(value) ? null : rampColor(coloring, value, theme);
  }

  // Color of each row, and the rows in drawing order: dimmed rows, rows without a topic, other rows, hits.
  paint() {
    const { data, coloring, theme, hits, emphasis } = this;
    const { n } = data;
    const muted = MUTED[theme];
    const colors = new Uint32Array(n);
    const noise = this.noiseCode;
    const topicCodes = this.topics.codes;
    const filters = this.groupings.filter((grouping) => grouping.hidden.size);
    const layers = new Uint8Array(n);
    const sizes = [0, 0, 0, 0];
    const palette = coloring.codes && coloring.values.map((value) => rgba(value[theme]));
    const ramp = coloring.codes ? null : packedRamp(coloring, theme);
    palette?.push(coloring === this.topics ? muted.none : muted.missing);
    for (let row = 0; row < n; row++) {
      let shown = true;
      for (const filter of filters) {
        if (filter.hidden.has(filter.codes[row])) {
          shown = false;
          break;
        }
      }
      if (!shown) {
        layers[row] = 255;
        continue;
      }
      let layer = topicCodes[row] === noise ? 1 : 2;
      let color;
      if (palette) color = palette[coloring.codes[row]];
      else {
        const value = coloring.numbers[row];
        color = Number.isNaN(value) ? muted.missing : ramp[rampStep(coloring, value)];
      }
      if (hits) {
        if (hits[row]) layer = 3;
        else {
          layer = 0;
          color = muted.dimmed;
        }
      } else if (emphasis >= 0 && coloring.codes[row] !== emphasis) {
        layer = 0;
        color = muted.dimmed;
      }
      colors[row] = color;
      layers[row] = layer;
      sizes[layer]++;
    }
    const from = [0, sizes[0], sizes[0] + sizes[1], sizes[0] + sizes[1] + sizes[2]];
    const order = new Uint32Array(from[3] + sizes[3]);
    for (let row = 0; row < n; row++) if (layers[row] !== 255) order[from[layers[row]]++] = row;
    return { colors: new Uint8Array(colors.buffer), order, marked: sizes[3], shown: order.length };
  }
}

function topicGrouping(data) {
  return {
    key: 'cluster',
    name: 'Topic',
    kind: 'category',
    codes: data.cluster,
    values: data.head.topics,
    none: { name: 'In no topic', title: 'Texts that belong to no topic', size: data.head.noise },
    hidden: new Set(),
  };
}

function columnGrouping(column) {
  if (column.kind === 'category') {
    return {
      key: column.name, name: column.name, kind: 'category', codes: column.values, values: column.categories,
      none: { name: '(empty)', title: 'Texts without a value', size: column.empty }, hidden: new Set(),
    };
  }
  if (column.kind === 'number' || column.kind === 'date') {
    return {
      key: column.name, name: column.name, kind: column.kind, time: column.time, codes: null,
      numbers: column.values, min: column.min, max: column.max, ramp: column.ramp, hidden: new Set(), values: [],
      none: { name: '(empty)', size: column.empty },
    };
  }
  return null;
}

const STEPS = 64;

function rampStep({ min, max }, value) {
  return Math.max(0, Math.min(STEPS - 1, Math.floor(((value - min) / (max - min || 1)) * STEPS)));
}

function mix(stops, t) {
  const at = Math.min(stops.length - 2, Math.floor(t * (stops.length - 1)));
  const part = t * (stops.length - 1) - at;
  const [a, b] = [parseInt(stops[at].slice(1), 16), parseInt(stops[at + 1].slice(1), 16)];
  const channel = (shift) => Math.round(((a >> shift) & 255) * (1 - part) + ((b >> shift) & 255) * part);
  return `#${((channel(16) << 16) | (channel(8) << 8) | channel(0)).toString(16).padStart(6, '0')}`;
}

function rampColor(coloring, value, theme) {
  return mix(coloring.ramp[theme], rampStep(coloring, value) / (STEPS - 1));
}

function packedRamp(coloring, theme) {
  return Array.from({ length: STEPS }, (_, step) => rgba(mix(coloring.ramp[theme], step / (STEPS - 1))));
}
