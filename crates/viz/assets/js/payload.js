// The data of the page: a JSON head and named base64 blocks, each in an element that browsers do not execute.
// The blocks of the first frame are uncompressed; texts are in deflated chunks that are inflated on demand.
import { decodeEntities } from './text.js';
import { fold } from './text.js';

const VIEWS = { f32: Float32Array, f64: Float64Array, u8: Uint8Array, u16: Uint16Array, u32: Uint32Array };

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const bytes = new Uint8Array(Math.floor(text.length / 4) * 3);
  let length = 0;
  for (let at = 0; at < text.length; at += 1 << 20) {
    const part = atob(text.slice(at, at + (1 << 20)));
    for (let i = 0; i < part.length; i++) bytes[length++] = part.charCodeAt(i);
  }
  return bytes.subarray(0, length);
}

function blockBytes(name) {
  const element = document.getElementById(`block-${name}`);
  if (!element) throw new Error(`the block "${name}" is missing: the file is truncated`);
  return fromBase64(element.textContent);
}

function blockArray(name, type) {
  const bytes = blockBytes(name);
  const View = VIEWS[type];
  return new View(bytes.buffer, bytes.byteOffset, bytes.byteLength / View.BYTES_PER_ELEMENT);
}

async function inflate(bytes) {
  if (typeof DecompressionStream === 'undefined') {
    throw new Error('this browser cannot decompress the texts (it lacks DecompressionStream); use a current browser');
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Texts of one column, `rows` per chunk. A chunk holds their lengths in bytes (u32), then the UTF-8.
class Texts {
  constructor(column, n) {
    this.column = column;
    this.n = n;
    this.chunks = new Array(column.chunks).fill(null);
  }

  chunkOf(row) {
    return Math.floor(row / this.column.rows);
  }

  load(index) {
    this.chunks[index] ??= this.open(index).then((chunk) => (this.chunks[index] = chunk));
    return this.chunks[index];
  }

  async open(index) {
    const bytes = await inflate(blockBytes(`${this.column.block}-${index}`));
    const rows = Math.min(this.column.rows, this.n - index * this.column.rows);
    const lengths = new Uint32Array(bytes.buffer, bytes.byteOffset, rows);
    const decoder = new TextDecoder();
    const texts = new Array(rows);
    let at = rows * 4;
    for (let i = 0; i < rows; i++) {
      texts[i] = decodeEntities(decoder.decode(bytes.subarray(at, at + lengths[i])));
      at += lengths[i];
    }
    return { texts, folded: null };
  }

  async get(row) {
    const chunk = await this.load(this.chunkOf(row));
    return chunk.texts[row % this.column.rows];
  }

  // The text if its chunk is loaded, else undefined.
  peek(row) {
    const chunk = this.chunks[this.chunkOf(row)];
    return chunk?.texts?.[row % this.column.rows];
  }

  // Case-folded texts of one chunk, for searching.
  async folded(index) {
    const chunk = await this.load(index);
    chunk.folded ??= chunk.texts.map(fold);
    return chunk.folded;
  }
}

export function readPayload() {
  const head = JSON.parse(document.getElementById('head').textContent);
  const n = head.count;
  const data = {
    head,
    n,
    x: blockArray('x', 'f32'),
    y: blockArray('y', 'f32'),
    cluster: blockArray('cluster', 'u16'),
    // Shares from 0 to 1, times 255.
    probability: head.probability ? blockArray('probability', 'u8') : null,
    outlier: head.outlier ? blockArray('outlier', 'u8') : null,
    preserved: head.preserved ? blockArray('preserved', 'u8') : null,
    neighbors: head.neighbors ? blockArray('neighbors', head.neighbors.type) : null,
    texts: new Texts(head.text, n),
    columns: head.columns.map((column) => {
      if (column.kind === 'text' || column.kind === 'url') return { ...column, texts: new Texts(column, n) };
      const categories = column.categories?.map((value) => ({ ...value, name: decodeEntities(value.name) }));
      return { ...column, categories, values: blockArray(column.block, column.type) };
    }),
  };
  for (const [name, array] of Object.entries({ x: data.x, y: data.y, cluster: data.cluster })) {
    if (array.length !== n) throw new Error(`block "${name}" holds ${array.length} values, not ${n}`);
  }
  return data;
}

// The neighbors of a row, nearest first.
export function neighborsOf(data, row) {
  if (!data.neighbors) return [];
  const k = data.head.neighbors.k;
  return Array.from(data.neighbors.subarray(row * k, row * k + k)).filter((id) => id < data.n);
}
