import { html } from '../page/elements.ts';
import type { HeadFusion } from './attention-maps.ts';
import type { RolloutOptions } from './rollout.ts';

const FUSIONS: Readonly<Record<HeadFusion, string>> = { mean: 'mean', max: 'most', min: 'least' };

/** How attention is rolled out, and whether the patches are shown apart. */
export class RolloutControls {
  readonly element: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #fusion: HTMLSelectElement;
  readonly #discard: HTMLInputElement;

  constructor({ onRollout, onApart }: { onRollout: () => void; onApart: (isApart: boolean) => void }) {
    this.#button = html('button', { type: 'button', 'aria-pressed': 'true' }, 'Rollout');
    const options = Object.entries(FUSIONS).map(([value, label]) => html('option', { value }, label));
    this.#fusion = html('select', {}, ...options);
    this.#discard = html('input', { type: 'range', min: 0, max: 95, step: 5, value: 0 });
    const percent = html('output', {}, '0 %');
    const apart = html('input', { type: 'checkbox' });
    this.#button.addEventListener('click', onRollout);
    this.#fusion.addEventListener('change', onRollout);
    this.#discard.addEventListener('input', () => {
      percent.textContent = `${this.#discard.value} %`;
      onRollout();
    });
    apart.addEventListener('change', () => onApart(apart.checked));
    const line = html(
      'div',
      { class: 'formers-attention-line' },
      this.#button,
      html('label', {}, 'Heads: ', this.#fusion),
      html('label', {}, 'Leave out the least: ', this.#discard, ' ', percent),
    );
    const legend = html('legend', {}, 'All layers together (attention rollout)');
    const cut = html('label', {}, apart, ' Show the patches that the image is cut into');
    this.element = html('div', { class: 'formers-attention-controls' }, html('fieldset', {}, legend, line), cut);
  }

  get options(): RolloutOptions {
    return { fusion: this.#fusion.value as HeadFusion, discard: this.#discard.valueAsNumber / 100 };
  }

  /** Shows whether rollout is what is seen. */
  choose(isChosen: boolean): void {
    this.#button.setAttribute('aria-pressed', String(isChosen));
  }
}
