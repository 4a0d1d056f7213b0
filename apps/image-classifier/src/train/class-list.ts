import { type CardActions, ClassCard } from './class-card.ts';
import type { SampleClass } from './protocol.ts';

/** The classes of the visitor, as cards. */
export class ClassList {
  readonly #list: HTMLElement;
  readonly #actions: CardActions;
  #cards: ClassCard[] = [];

  constructor(list: HTMLElement, actions: Omit<CardActions, 'remove'>) {
    this.#list = list;
    this.#actions = { ...actions, remove: (card) => this.#remove(card) };
    this.add('Class 1');
    this.add('Class 2');
  }

  get value(): SampleClass[] {
    return this.#cards.map(({ value }) => value);
  }

  get isEmpty(): boolean {
    return this.#cards.every(({ isEmpty }) => isEmpty);
  }

  /** The class whose card an element is in. */
  cardAt(target: EventTarget | null): ClassCard | undefined {
    return this.#cards.find(({ root }) => target instanceof Node && root.contains(target));
  }

  /** Adds a class, with a name of its own unless told one. */
  add(label?: string): ClassCard {
    const card = new ClassCard(label ?? this.#freeName(), this.#actions);
    this.#cards.push(card);
    this.#list.append(card.root);
    this.#actions.changed();
    return card;
  }

  /** Puts classes with samples in the place of all. */
  async replace(classes: readonly SampleClass[]): Promise<void> {
    this.#cards = [];
    this.#list.replaceChildren();
    await this.merge(classes);
  }

  /** Adds samples to the classes of their names, and new classes for other names; those without samples that nobody named go. */
  async merge(classes: readonly SampleClass[]): Promise<void> {
    for (const card of this.#cards.filter(({ isEmpty, value }) => isEmpty && /^Class \d+$/.test(value.label)))
      this.#remove(card);
    const targets = classes.map(({ label, samples }) => {
      const card = this.#cards.find(({ value }) => value.label === label) ?? this.add(label);
      return { card, samples };
    });
    for (const { card, samples } of targets) await card.add(samples);
  }

  #remove(card: ClassCard): void {
    this.#cards = this.#cards.filter((other) => other !== card);
    card.root.remove();
    this.#actions.changed();
  }

  #freeName(): string {
    const names = new Set(this.#cards.map(({ value }) => value.label));
    let number = this.#cards.length + 1;
    while (names.has(`Class ${number}`)) number++;
    return `Class ${number}`;
  }
}
