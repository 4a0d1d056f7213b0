import { create } from '../shell/elements.ts';
import type { Shell } from '../shell/shell.ts';
import type { Beginning, TrainSettings } from './protocol.ts';
import { BOUNDS, DEFAULT_SETTINGS, SETTING_NAMES } from './recipe.ts';

const KINDS: Readonly<Record<Beginning['kind'], { title: string; note: (model: string) => string }>> = {
  scratch: { title: 'A new model, from scratch', note: () => 'small, for drawings or 48 × 48 pixels' },
  head: { title: 'Only the head of the loaded model', note: (model) => `fast, also with few images: ${model}` },
  all: { title: 'All of the loaded model', note: (model) => `slower, adapts further: ${model}` },
};

const NUMBERS = Object.keys(BOUNDS) as (keyof typeof BOUNDS)[];

/** What is trained, and how. */
export class SetupForm {
  readonly root: HTMLElement;
  readonly #shell: Shell;
  readonly #choices: Readonly<Record<string, { input: HTMLInputElement; note: HTMLElement }>>;
  readonly #numbers: Readonly<Record<keyof typeof BOUNDS, HTMLInputElement>>;
  readonly #flip: HTMLInputElement;

  constructor(shell: Shell) {
    this.#shell = shell;
    this.#choices = Object.fromEntries(
      Object.keys(KINDS).map((kind) => [
        kind,
        {
          input: create('input', { type: 'radio', name: 'train-beginning', value: kind }),
          note: create('span', { class: 'train-note' }),
        },
      ]),
    );
    const choices = Object.entries(this.#choices).map(([kind, { input, note }]) =>
      create(
        'label',
        { class: 'train-choice' },
        input,
        create('span', {}, KINDS[kind as Beginning['kind']].title, note),
      ),
    );
    this.#numbers = Object.fromEntries(
      NUMBERS.map((name) => [
        name,
        create('input', { type: 'number', inputmode: 'decimal', min: String(BOUNDS[name].least), step: 'any' }),
      ]),
    ) as Record<keyof typeof BOUNDS, HTMLInputElement>;
    this.#flip = create('input', { type: 'checkbox' });
    const fields = NUMBERS.map((name) =>
      create('label', { class: 'train-field' }, create('span', {}, SETTING_NAMES[name]), this.#numbers[name]),
    );
    const flip = create(
      'label',
      { class: 'train-field train-check' },
      this.#flip,
      create('span', {}, 'Mirror images at random'),
    );
    const settings = create(
      'details',
      { class: 'train-settings' },
      create('summary', {}, 'Settings'),
      create('div', { class: 'train-fields' }, ...fields, flip),
    );
    const legend = create('legend', {}, 'What learns');
    this.root = create('div', {}, create('fieldset', { class: 'train-choices' }, legend, ...choices), settings);
    for (const { input } of Object.values(this.#choices))
      input.addEventListener('change', () => this.#fill(DEFAULT_SETTINGS[this.#kind]));
    shell.onChange(() => this.#follow());
    this.choose('scratch');
    this.#follow();
  }

  /** Chooses what is trained, with the settings that suit it. */
  choose(kind: Beginning['kind']): void {
    const choice = this.#choices[kind];
    if (choice) choice.input.checked = true;
    this.#fill(DEFAULT_SETTINGS[kind]);
  }

  get beginning(): Beginning {
    const { model } = this.#shell;
    return this.#kind === 'scratch' || !model ? { kind: 'scratch' } : { kind: this.#kind, source: model.source };
  }

  get settings(): TrainSettings {
    const numbers = NUMBERS.map((name) => [name, this.#numbers[name].valueAsNumber] as const);
    return { ...DEFAULT_SETTINGS[this.#kind], ...Object.fromEntries(numbers), flip: this.#flip.checked };
  }

  set isDisabled(isDisabled: boolean) {
    for (const input of this.root.querySelectorAll('input')) input.disabled = isDisabled;
    if (!isDisabled) this.#follow();
  }

  get #kind(): Beginning['kind'] {
    const [kind = 'scratch'] = Object.keys(KINDS).filter((name) => this.#choices[name]?.input.checked);
    return kind as Beginning['kind'];
  }

  #fill(settings: TrainSettings): void {
    for (const name of NUMBERS) this.#numbers[name].value = String(settings[name]);
    this.#flip.checked = settings.flip;
  }

  /** The model of the page may have changed, or be missing. */
  #follow(): void {
    const { model } = this.#shell;
    for (const [kind, { input, note }] of Object.entries(this.#choices)) {
      note.textContent = KINDS[kind as Beginning['kind']].note(model?.source.name ?? 'none is loaded');
      if (kind !== 'scratch') input.disabled = model === undefined;
    }
    if (!model && this.#kind !== 'scratch') this.choose('scratch');
  }
}
