import { PairTable } from '../pair-table.ts';

/** Finds all pieces that begin at a place, shortest first. */
export class PieceTrie {
  readonly #edges: PairTable; // (node, UTF-16 unit) -> node
  readonly #pieceOf: number[] = [-1]; // by node

  constructor(pieces: readonly string[]) {
    this.#edges = new PairTable(pieces.length * 2);
    for (const [id, piece] of pieces.entries()) {
      let node = 0;
      for (let index = 0; index < piece.length; index++) {
        const unit = piece.charCodeAt(index);
        let child = this.#edges.get(node, unit);
        if (child < 0) {
          child = this.#pieceOf.push(-1) - 1;
          this.#edges.set(node, unit, child);
        }
        node = child;
      }
      if (node > 0) this.#pieceOf[node] = id;
    }
  }

  /** Visits the index of each piece that stands in `text` at `start`, and where it ends. */
  forEachPrefix(text: string, start: number, visit: (piece: number, end: number) => void): void {
    let node = 0;
    for (let index = start; index < text.length; index++) {
      node = this.#edges.get(node, text.charCodeAt(index));
      if (node < 0) return;
      const piece = this.#pieceOf[node] ?? -1;
      if (piece >= 0) visit(piece, index + 1);
    }
  }
}
