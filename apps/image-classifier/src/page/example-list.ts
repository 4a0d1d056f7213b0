import { EXAMPLES } from '../digit/examples.ts';
import type { Stroke } from '../digit/strokes.ts';

const SVG = 'http://www.w3.org/2000/svg';

/** The examples as radio buttons, which browsers give arrow keys and screen readers count. */
export class ExampleList {
  readonly #inputs: readonly HTMLInputElement[];

  /** @param onChoose Called with the strokes of the example that was clicked or reached by an arrow key. */
  constructor(container: HTMLElement, onChoose: (strokes: readonly Stroke[]) => void) {
    this.#inputs = EXAMPLES.map(({ label, strokes }) => {
      const input = Object.assign(document.createElement('input'), { type: 'radio', name: 'example', value: label });
      input.setAttribute('aria-label', label);
      input.addEventListener('change', () => onChoose(strokes));
      const item = document.createElement('label');
      item.append(input, thumbnail(strokes));
      container.append(item);
      return input;
    });
  }

  /** Chooses one without telling of it. */
  choose(label: string): void {
    for (const input of this.#inputs) input.checked = input.value === label;
  }

  /** No example is chosen. */
  clear(): void {
    for (const input of this.#inputs) input.checked = false;
  }
}

function thumbnail(strokes: readonly Stroke[]): SVGSVGElement {
  const picture = document.createElementNS(SVG, 'svg');
  picture.setAttribute('viewBox', '0 0 1 1');
  picture.setAttribute('aria-hidden', 'true');
  for (const stroke of strokes) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', `M${stroke.map(([x, y]) => `${x.toFixed(3)} ${y.toFixed(3)}`).join('L')}`);
    picture.append(path);
  }
  return picture;
}
