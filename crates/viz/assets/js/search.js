// Incremental search over all texts, chunk by chunk, so that a million texts never freeze the page.
import { queryTerms } from './text.js';

export class Search {
  constructor(data) {
    this.data = data;
    this.query = '';
    this.terms = [];
    this.rows = [];
    this.ticket = 0;
    this.done = true;
  }

  // Calls `report()` periodically and once at the end; a newer call cancels an older one.
  async run(query, report) {
    const ticket = ++this.ticket;
    this.query = query;
    this.terms = queryTerms(query);
    this.rows = [];
    this.hits = null;
    this.done = !this.terms.length;
    if (this.done) return report();
    const { texts, n } = this.data;
    const hits = new Uint8Array(n);
    const rows = [];
    let reported = performance.now();
    for (let index = 0; index < texts.column.chunks; index++) {
      const folded = await texts.folded(index);
      if (ticket !== this.ticket) return undefined;
      const first = index * texts.column.rows;
      for (let i = 0; i < folded.length; i++) {
        let all = true;
        for (const term of this.terms) {
          if (!folded[i].includes(term)) {
            all = false;
            break;
          }
        }
        if (all) {
          hits[first + i] = 1;
          rows.push(first + i);
        }
      }
      if (performance.now() - reported > 120) {
        this.rows = rows;
        this.hits = hits;
        this.part = (index + 1) / texts.column.chunks;
        report();
        await new Promise((resume) => setTimeout(resume));
        if (ticket !== this.ticket) return undefined;
        reported = performance.now();
      }
    }
    this.rows = rows;
    this.hits = hits;
    this.done = true;
    return report();
  }
}
