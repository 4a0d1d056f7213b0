import { html } from '../page/elements.ts';
import type { HeadChoice } from './attention-maps.ts';

/** How many layers and heads there are, and how the patches lie. */
export interface HeadListShape {
  readonly numLayers: number;
  readonly numHeads: number;
  readonly grid: readonly [rows: number, columns: number];
}

/** All heads as small pictures of where they look, a row for each layer, to choose from: radio buttons, which browsers give arrow keys. */
export class HeadList {
  readonly element: HTMLElement;
  readonly #items: readonly {
    readonly choice: HeadChoice;
    readonly input: HTMLInputElement;
    readonly canvas: HTMLCanvasElement;
  }[];

  /** @param name Of the group of radio buttons: of its own for each list of a page. */
  constructor(
    { numLayers, numHeads, grid }: HeadListShape,
    { name, onChoose }: { name: string; onChoose: (choice: HeadChoice) => void },
  ) {
    const heads = ['mean' as const, ...Array.from({ length: numHeads }, (_, head) => head)];
    const rows = Array.from({ length: numLayers }, (_, layer) =>
      heads.map((head) => {
        const label = `layer ${layer + 1}, ${head === 'mean' ? 'mean of its heads' : `head ${head + 1}`}`;
        const input = html('input', { type: 'radio', name, 'aria-label': label });
        const canvas = html('canvas', { width: grid[1], height: grid[0] });
        const choice = { layer, head };
        input.addEventListener('change', () => onChoose(choice));
        return { choice, input, canvas, item: html('label', { title: label }, input, canvas) };
      }),
    );
    this.#items = rows.flat();
    const titles = heads.map((head) => html('span', {}, head === 'mean' ? 'all' : String(head + 1)));
    const lines = rows.flatMap((row, layer) => [
      html('span', {}, `Layer ${layer + 1}`),
      ...row.map(({ item }) => item),
    ]);
    this.element = html(
      'fieldset',
      { class: 'formers-heads' },
      html('legend', {}, 'One layer, one head'),
      html('span', {}),
      ...titles,
      ...lines,
    );
    this.element.style.setProperty('--columns', String(heads.length));
  }

  /** Chooses one without telling of it; none where undefined. */
  choose(choice: HeadChoice | undefined): void {
    for (const item of this.#items)
      item.input.checked = item.choice.layer === choice?.layer && item.choice.head === choice.head;
  }

  /** Paints all pictures in the text colour of their elements, as opaque as `sharesOf` says. */
  paint(sharesOf: (choice: HeadChoice) => ArrayLike<number>): void {
    const [first] = this.#items;
    if (!first) return;
    const [red = 0, green = 0, blue = 0] = colourOf(first.canvas);
    for (const { choice, canvas } of this.#items) {
      const shares = Array.from(sharesOf(choice));
      const most = Math.max(...shares, Number.MIN_VALUE);
      const pixels = new ImageData(canvas.width, canvas.height);
      shares.forEach((share, i) => pixels.data.set([red, green, blue, Math.round((255 * share) / most)], 4 * i));
      canvas.getContext('2d')?.putImageData(pixels, 0, 0);
    }
  }
}

/** The text colour of an element as levels, whatever syntax it has. */
function colourOf(element: Element): Iterable<number> {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  if (context === null) return [0, 0, 0];
  context.fillStyle = getComputedStyle(element).color;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}
