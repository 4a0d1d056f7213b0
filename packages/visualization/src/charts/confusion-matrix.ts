import { html } from '../page/elements.ts';
import { adoptStyles } from '../page/styles.ts';

/** How often each class was taken for each. */
export interface ConfusionCounts {
  readonly labels: readonly string[];
  /** [actual, predicted] */
  readonly counts: readonly (readonly number[])[];
}

const STYLES = `
.formers-confusion { overflow-x: auto; color: var(--formers-ink, CanvasText); font-size: 0.875rem; }
.formers-confusion:focus-visible { outline: 3px solid var(--formers-accent, Highlight); outline-offset: 2px; }
.formers-confusion table { border-collapse: separate; border-spacing: 2px; font-variant-numeric: tabular-nums; }
.formers-confusion caption { padding: 0 0 0.35rem; font-weight: 600; text-align: start; }
.formers-confusion th { padding: 0.2rem 0.4rem; font-weight: 600; }
.formers-confusion thead th { max-width: 8rem; overflow: hidden; text-overflow: ellipsis; }
.formers-confusion tbody th { max-width: 10rem; overflow: hidden; text-align: end; text-overflow: ellipsis; white-space: nowrap; }
.formers-confusion .formers-axis { color: var(--formers-quiet, GrayText); font-weight: 400; text-align: start; }
.formers-confusion td {
  min-width: 2.2rem; padding: 0.3rem 0.4rem; border-radius: 0.25rem; text-align: center;
  background: color-mix(in srgb, var(--formers-wrong, #b91c1c) calc(var(--share) * 45%), var(--formers-track, transparent));
}
.formers-confusion td.formers-right {
  background: color-mix(in srgb, var(--formers-accent, #4338ca) calc(var(--share) * 40%), var(--formers-track, transparent));
}
`;

/**
 * A confusion matrix as a table: a row for each true class, a column for each one that was predicted, shaded by the share of its row.
 *
 * @example
 * const view = new ConfusionMatrixView(host, { title: 'Held-out images' });
 * view.show({ labels: ['cat', 'dog'], counts: [[9, 1], [2, 8]] });
 */
export class ConfusionMatrixView implements Disposable {
  readonly #root: HTMLElement;
  readonly #title: string;

  /** @param host Gets the table as its last child. */
  constructor(host: Element, { title }: { readonly title: string }) {
    adoptStyles(host, STYLES);
    this.#title = title;
    this.#root = html('div', { class: 'formers-confusion', role: 'region', 'aria-label': title, tabindex: 0 });
    host.append(this.#root);
  }

  show({ labels, counts }: ConfusionCounts): void {
    const names = labels.map((label) => html('th', { scope: 'col', title: label }, label));
    const corner = html('th', { class: 'formers-axis', scope: 'col' }, 'true ↓ predicted →');
    const rows = labels.map((label, i) => {
      const cells = labels.map((predicted, j) =>
        countCell(counts[i] ?? [], { label, predicted, place: j, isRight: i === j }),
      );
      return html('tr', {}, html('th', { scope: 'row', title: label }, label), ...cells);
    });
    const right = labels.reduce((sum, _, i) => sum + (counts[i]?.[i] ?? 0), 0);
    const all = counts.flat().reduce((sum, count) => sum + count, 0);
    const caption = html('caption', {}, all === 0 ? this.#title : `${this.#title}: ${right} of ${all} right`);
    const table = html(
      'table',
      {},
      caption,
      html('thead', {}, html('tr', {}, corner, ...names)),
      html('tbody', {}, ...rows),
    );
    this.#root.replaceChildren(table);
  }

  clear(): void {
    this.#root.replaceChildren();
  }

  /** Takes the table off the page. */
  [Symbol.dispose](): void {
    this.#root.remove();
  }
}

interface CellOptions {
  readonly label: string;
  readonly predicted: string;
  readonly place: number;
  readonly isRight: boolean;
}

function countCell(row: readonly number[], { label, predicted, place, isRight }: CellOptions): HTMLElement {
  const count = row[place] ?? 0;
  const total = row.reduce((sum, each) => sum + each, 0);
  const cell = html('td', { title: `${count} of ${total} ${label} called ${predicted}` }, String(count));
  cell.classList.toggle('formers-right', isRight);
  cell.style.setProperty('--share', String(total === 0 ? 0 : count / total));
  return cell;
}
