import { html } from '../page/elements.ts';

/** Who is told of what happens to patches, by their numbers, row after row from 0. */
export interface PatchGridListeners {
  /** A pointer or the focus is on a patch, or on none any more. */
  readonly onLook: (patch: number | undefined) => void;
  /** A patch was clicked, or Enter pressed on it; undefined for Escape. */
  readonly onChoose: (patch: number | undefined) => void;
}

/** The patches of an image as a grid of cells that lies over it: cells are as warm as their values are high, and are walked by arrow keys. */
export class PatchGrid {
  readonly element: HTMLElement;
  readonly #columns: number;
  readonly #cells: readonly HTMLElement[];

  constructor([rows, columns]: readonly [number, number], { onLook, onChoose }: PatchGridListeners) {
    this.#columns = columns;
    this.#cells = Array.from({ length: rows * columns }, (_, patch) => {
      const cell = html('div', { role: 'gridcell', tabindex: patch === 0 ? 0 : -1 });
      cell.addEventListener('pointerenter', () => onLook(patch));
      cell.addEventListener('focus', () => onLook(patch));
      cell.addEventListener('click', () => onChoose(patch));
      return cell;
    });
    const lines = Array.from({ length: rows }, (_, row) =>
      html('div', { role: 'row' }, ...this.#cells.slice(row * columns, (row + 1) * columns)),
    );
    this.element = html(
      'div',
      { class: 'formers-patches', role: 'grid', 'aria-label': 'Patches of the image' },
      ...lines,
    );
    this.element.style.setProperty('--columns', String(columns));
    this.element.style.setProperty('--rows', String(rows));
    this.element.addEventListener('pointerleave', () => onLook(this.#focused));
    this.element.addEventListener('focusout', () => onLook(undefined));
    this.element.addEventListener('keydown', (event) => this.#walk(event, onChoose));
  }

  /**
   * @param shares Of each patch, at least 0.
   * @param source The patch that looks at the others, if it is one.
   */
  show(shares: ArrayLike<number>, source: number | undefined): void {
    const most = Math.max(...Array.from(shares), Number.MIN_VALUE);
    this.#cells.forEach((cell, patch) => {
      const share = shares[patch] ?? 0;
      const [row, column] = [Math.floor(patch / this.#columns) + 1, (patch % this.#columns) + 1];
      cell.style.setProperty('--heat', (share / most).toFixed(3));
      cell.setAttribute('aria-label', `row ${row}, column ${column}: ${(100 * share).toFixed(1)} %`);
      cell.setAttribute('aria-selected', String(patch === source));
    });
  }

  get #focused(): number | undefined {
    const place = this.#cells.findIndex((cell) => cell.matches(':focus'));
    return place < 0 ? undefined : place;
  }

  #walk(event: KeyboardEvent, onChoose: PatchGridListeners['onChoose']): void {
    const here = this.#focused;
    if (here === undefined) return;
    if (event.key === 'Enter' || event.key === ' ') onChoose(here);
    else if (event.key === 'Escape') onChoose(undefined);
    else if (!this.#step(event.key, here)) return;
    event.preventDefault();
  }

  /** Moves the focus as the key says; whether it is one that moves. */
  #step(key: string, here: number): boolean {
    const columns = this.#columns;
    const column = here % columns;
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: column < columns - 1 ? 1 : 0,
      ArrowLeft: column > 0 ? -1 : 0,
      ArrowDown: here + columns < this.#cells.length ? columns : 0,
      ArrowUp: here >= columns ? -columns : 0,
      Home: -column,
      End: columns - 1 - column,
    };
    const step = steps[key];
    if (step === undefined) return false;
    const [from, to] = [this.#cells[here], this.#cells[here + step]];
    if (from) from.tabIndex = -1;
    if (to) to.tabIndex = 0;
    to?.focus();
    return true;
  }
}
