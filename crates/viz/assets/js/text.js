// Formatting of strings: entities, case folding for search, highlights, numbers.
// Nothing here creates markup: the page sets every string through textContent.

const NAMED = {
  amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', ndash: '\u2013', mdash: '\u2014',
  hellip: '\u2026', lsquo: '\u2018', rsquo: '\u2019', ldquo: '\u201c', rdquo: '\u201d', laquo: '\u00ab',
  raquo: '\u00bb', middot: '\u00b7', bull: '\u2022', euro: '\u20ac', pound: '\u00a3', yen: '\u00a5',
  cent: '\u00a2', copy: '\u00a9', reg: '\u00ae', trade: '\u2122', deg: '\u00b0', times: '\u00d7',
  eacute: '\u00e9', egrave: '\u00e8', agrave: '\u00e0', ccedil: '\u00e7', ouml: '\u00f6', auml: '\u00e4',
  uuml: '\u00fc', szlig: '\u00df', ntilde: '\u00f1',
};

function fromCode(code) {
  return code > 31 && code < 0x110000 && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : '';
}

// Decodes HTML entities; the result is plain text. News feeds also hold entities without their ampersand
// (" #39;", " quot;"): of these, only punctuation is decoded.
export function decodeEntities(text) {
  if (!text.includes(';')) return text;
  return text
    .replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/g, (whole, dec, hex, name) => {
      if (name) return Object.hasOwn(NAMED, name) ? NAMED[name] : whole;
      return fromCode(dec ? Number(dec) : parseInt(hex, 16)) || whole;
    })
    .replace(/(^|\s)(?:#(3[3-9]|4[0-7])|(quot|amp|lt|gt));/g, (_, before, dec, name) =>
      before + (name ? NAMED[name] : fromCode(Number(dec))));
}

// Replaces control characters by their Unicode control pictures.
export function showControls(text) {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, (c) =>
    c === '\u007f' ? '\u2421' : String.fromCharCode(0x2400 + c.charCodeAt(0)));
}

// Folds a string for comparison: lower case, without accents.
export function fold(text) {
  const lower = text.toLowerCase();
  // eslint-disable-next-line no-control-regex
  return /^[\u0000-\u007f]*$/.test(lower) ? lower : lower.normalize('NFD').replace(/\p{M}+/gu, '');
}

// The words of a query; "quoted words" stay together.
export function queryTerms(query) {
  const terms = [];
  for (const [, quoted, word] of query.matchAll(/"([^"]+)"|(\S+)/g)) {
    const term = fold(quoted ?? word).replaceAll('"', '').trim();
    if (term && !terms.includes(term)) terms.push(term);
  }
  return terms;
}

// The positions of the terms in `text`, as merged [start, end) pairs.
export function matches(text, terms) {
  let folded = '';
  const origin = [];
  for (let at = 0; at < text.length;) {
    const char = String.fromCodePoint(text.codePointAt(at));
    const plain = fold(char);
    for (let i = 0; i < plain.length; i++) origin.push(at);
    folded += plain;
    at += char.length;
  }
  origin.push(text.length);
  const found = [];
  for (const term of terms) {
    for (let at = folded.indexOf(term); at >= 0; at = folded.indexOf(term, at + term.length)) {
      let end = at + term.length;
      while (end < origin.length - 1 && origin[end] === origin[end - 1]) end++;
      found.push([origin[at], origin[end]]);
    }
  }
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const merged = [];
  for (const pair of found) {
    const last = merged[merged.length - 1];
    if (last && pair[0] <= last[1]) last[1] = Math.max(last[1], pair[1]);
    else merged.push(pair);
  }
  return merged;
}

// Fills `element` with the text, the terms in <mark>; a long text is cut to `limit` characters around the first match.
export function setHighlighted(element, text, terms, limit = Infinity) {
  let shown = text;
  if (shown.length > limit) {
    const first = terms.length ? matches(shown.slice(0, 20000), terms)[0] : undefined;
    const start = first && first[0] > limit * 0.7 ? Math.max(0, first[0] - Math.floor(limit / 3)) : 0;
    shown = (start ? '\u2026' : '') + Array.from(shown.slice(start, start + limit)).join('').trimEnd() +
      (start + limit < text.length ? '\u2026' : '');
  }
  element.replaceChildren();
  let done = 0;
  for (const [from, to] of terms.length ? matches(shown, terms) : []) {
    element.append(shown.slice(done, from));
    const mark = document.createElement('mark');
    mark.textContent = shown.slice(from, to);
    element.append(mark);
    done = to;
  }
  element.append(shown.slice(done));
}

export const count = (n) => n.toLocaleString('en-US');

export function share(part, whole) {
  if (!whole) return '0 %';
  const percent = (100 * part) / whole;
  return `${percent >= 10 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1)} %`;
}

export function showNumber(value) {
  // No thousands separator below five digits, because of years.
  if (Number.isInteger(value)) return Math.abs(value) < 10000 ? String(value) : count(value);
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-3 ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}

export function showDate(ms, withTime) {
  const date = new Date(ms);
  // JavaScript dates end about 275,000 years before and after 1970.
  if (Number.isNaN(date.getTime())) return `${ms} ms after 1970`;
  const iso = date.toISOString();
  return withTime ? `${iso.slice(0, 10)} ${iso.slice(11, 16)}` : iso.slice(0, 10);
}

// A DOM element with properties and children; strings become text nodes.
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
