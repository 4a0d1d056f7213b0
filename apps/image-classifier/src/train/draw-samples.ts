import type { Stroke } from '../digit/strokes.ts';
import { DrawingPad } from '../page/drawing-pad.ts';
import { create } from '../shell/elements.ts';
import type { ClassCard } from './class-card.ts';

/** A pad on which samples of a class are drawn, one after another. */
export class DrawSamples {
  readonly root: HTMLElement;
  readonly #pad: DrawingPad;
  readonly #title: HTMLElement;
  readonly #add: HTMLButtonElement;
  #strokes: readonly Stroke[] = [];
  #card: ClassCard | undefined;
  #count = 0;

  constructor() {
    const canvas = create('canvas', { width: '320', height: '320', role: 'img', class: 'train-pad' });
    canvas.setAttribute('aria-label', 'Pad: draw a sample with mouse, finger or pen');
    this.#title = create('h4', {});
    this.#add = create('button', { type: 'button', class: 'primary' }, 'Add drawing');
    const clear = create('button', { type: 'button' }, 'Clear');
    const close = create('button', { type: 'button' }, 'Done');
    const buttons = create('div', { class: 'train-buttons' }, this.#add, clear, close);
    this.root = create('div', { class: 'train-draw', hidden: '' }, this.#title, canvas, buttons);
    this.#pad = new DrawingPad(canvas, (strokes) => (this.#strokes = strokes));
    this.#add.addEventListener('click', () => void this.#take());
    clear.addEventListener('click', () => this.#clear());
    close.addEventListener('click', () => this.close());
  }

  open(card: ClassCard): void {
    this.#card = card;
    this.#title.textContent = `Draw ${card.value.label}`;
    this.#clear();
    this.root.hidden = false;
    this.#add.focus();
    this.root.scrollIntoView({ block: 'nearest' });
  }

  close(): void {
    this.root.hidden = true;
    this.#card = undefined;
  }

  async #take(): Promise<void> {
    if (this.#strokes.length === 0) return;
    this.#count++;
    const image = this.#strokes;
    this.#clear();
    await this.#card?.add([{ name: `drawing ${this.#count}`, image }]);
  }

  #clear(): void {
    this.#strokes = [];
    this.#pad.clear();
  }
}
