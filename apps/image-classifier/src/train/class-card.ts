import { messageOf } from '../page/words.ts';
import { create } from '../shell/elements.ts';
import type { Sample, SampleClass } from './protocol.ts';
import { thumbnailOf } from './thumbnail.ts';

/** How many samples of a class are seen, the newest ones. */
const SHOWN = 10;

/** The formats of files, for file buttons. */
export const IMAGE_TYPES = 'image/png,image/jpeg,image/gif,image/webp,image/bmp';

/** What a card asks the panel to do. */
export interface CardActions {
  /** Records while it is held; what it returns ends that. */
  record(card: ClassCard): () => void;
  draw(card: ClassCard): void;
  remove(card: ClassCard): void;
  /** The samples, or the name, have changed. */
  changed(): void;
  /** Something is wrong with a file. */
  complain(message: string): void;
}

/** One class: its name, its samples, and ways to get more of them. */
export class ClassCard {
  readonly root: HTMLElement;
  readonly #actions: CardActions;
  readonly #name: HTMLInputElement;
  readonly #count: HTMLElement;
  readonly #thumbnails: HTMLElement;
  readonly #samples: Sample[] = [];

  constructor(label: string, actions: CardActions) {
    this.#actions = actions;
    this.#name = create('input', {
      class: 'train-name',
      'aria-label': 'Name of the class',
      maxlength: '60',
      spellcheck: 'false',
    });
    this.#name.value = label;
    this.#count = create('span', { class: 'train-count' });
    this.#thumbnails = create('div', { class: 'train-thumbnails', 'aria-hidden': 'true' });
    const remove = create('button', { type: 'button', class: 'train-remove' }, '×');
    const record = create('button', { type: 'button' }, 'Hold to record');
    const draw = create('button', { type: 'button' }, 'Draw');
    const file = create('input', { type: 'file', multiple: '', accept: IMAGE_TYPES });
    const buttons = create(
      'div',
      { class: 'train-buttons' },
      record,
      create('label', { class: 'button' }, file, 'Files'),
      draw,
    );
    const head = create('div', { class: 'train-card-head' }, this.#name, this.#count, remove);
    this.root = create('li', { class: 'train-card' }, head, this.#thumbnails, buttons);

    const named = (): void => {
      remove.setAttribute('aria-label', `Remove ${this.#name.value}`);
      record.setAttribute('aria-label', `Hold to record ${this.#name.value} with the camera`);
      draw.setAttribute('aria-label', `Draw ${this.#name.value}`);
      file.setAttribute('aria-label', `Files of ${this.#name.value}`);
    };
    named();
    this.#name.addEventListener('input', () => {
      named();
      actions.changed();
    });
    remove.addEventListener('click', () => actions.remove(this));
    draw.addEventListener('click', () => actions.draw(this));
    file.addEventListener('change', () => {
      void this.add(Array.from(file.files ?? [], (each) => ({ name: each.name, image: each })));
      file.value = ''; // so that the same file can be chosen again
    });
    holdable(record, () => actions.record(this));
    this.#show();
  }

  get value(): SampleClass {
    return { label: this.#name.value.trim(), samples: this.#samples };
  }

  get isEmpty(): boolean {
    return this.#samples.length === 0;
  }

  /** Adds samples that can be read, and complains of the others. */
  async add(samples: readonly Sample[]): Promise<void> {
    this.#actions.changed();
    for (const [i, sample] of samples.entries()) {
      try {
        const isSeen = i >= samples.length - SHOWN;
        const thumbnail = isSeen || sample.image instanceof Blob ? await thumbnailOf(sample) : undefined; // which tells whether it can be read
        this.#samples.push(sample);
        if (thumbnail) this.#thumbnails.prepend(thumbnail);
        while (this.#thumbnails.childElementCount > SHOWN) this.#thumbnails.lastElementChild?.remove();
        this.#show();
      } catch (error) {
        this.#actions.complain(`“${sample.name}” can’t be read as an image. ${messageOf(error)}`);
      }
    }
  }

  focus(): void {
    this.#name.focus();
    this.#name.select();
  }

  #show(): void {
    const { length } = this.#samples;
    this.#count.textContent = length === 0 ? 'no images yet' : `${length} ${length === 1 ? 'image' : 'images'}`;
  }
}

/** Calls `begin` when a button is held by pointer or key, and what it returned when it is let go. */
function holdable(button: HTMLButtonElement, begin: () => () => void): void {
  let end: (() => void) | undefined;
  let wasHeld = false;
  const hold = (): void => {
    end ??= begin();
    wasHeld = true;
    button.classList.add('held');
  };
  const release = (): void => {
    end?.();
    end = undefined;
    button.classList.remove('held');
  };
  button.addEventListener('pointerdown', (event) => {
    if (event.button === 0) hold();
  });
  button.addEventListener('keydown', ({ key, repeat }) => {
    if ((key === ' ' || key === 'Enter') && !repeat) hold();
  });
  for (const type of ['pointerup', 'pointercancel', 'pointerleave', 'keyup', 'blur'] as const)
    button.addEventListener(type, release);
  button.addEventListener('click', () => {
    if (!wasHeld) begin()(); // screen readers click without holding: one image
    wasHeld = false;
  });
  button.addEventListener('contextmenu', (event) => event.preventDefault()); // a long touch asks for it
}
