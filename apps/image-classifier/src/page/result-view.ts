import type { Classification } from '../model/image-classifier.ts';
import { milliseconds, percent } from './words.ts';

/** How long the answer has to stay before it is read out, in milliseconds: drawing changes it many times a second. */
const QUIET_TIME = 700;

/** The most bars: of more labels the likeliest are shown, the likeliest first. */
const MOST_BARS = 10;

/** The elements of the page that show an answer. */
export interface ResultElements {
  readonly label: HTMLElement;
  readonly score: HTMLElement;
  readonly bars: HTMLElement;
  readonly latency: HTMLElement;
  /** A live region: what it says is read out. */
  readonly announcement: HTMLElement;
}

interface Bar {
  readonly item: HTMLElement;
  readonly name: HTMLElement;
  readonly fill: HTMLElement;
  readonly score: HTMLElement;
}

/** The likeliest class, a bar for each class, the time it took, and a sentence for screen readers once the answer rests. */
export class ResultView {
  readonly #elements: ResultElements;
  #labels: readonly string[] = [];
  #bars: readonly Bar[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(elements: ResultElements, labels: readonly string[]) {
    this.#elements = elements;
    this.setLabels(labels);
  }

  /** Makes a bar for each label, or for as many as there are at most. */
  setLabels(labels: readonly string[]): void {
    if (labels.join('\n') === this.#labels.join('\n')) return;
    this.#labels = labels;
    this.#bars = labels.slice(0, MOST_BARS).map(createBar);
    this.#elements.bars.replaceChildren(...this.#bars.map(({ item }) => item));
    this.#elements.bars.classList.toggle(
      'long',
      labels.some((label) => label.length > 2),
    );
    this.#showBars(new Float32Array(labels.length), -1);
  }

  /** @param time From asking to answer, in milliseconds. */
  show({ probabilities }: Classification, time: number): void {
    const top = probabilities.indexOf(Math.max(...probabilities));
    const label = this.#labels[top] ?? '';
    const score = percent(probabilities[top] ?? 0);
    this.#showBars(probabilities, top);
    this.#elements.label.textContent = label;
    this.#elements.label.classList.toggle('long', label.length > 2);
    this.#elements.score.textContent = score;
    this.#elements.latency.textContent = milliseconds(time);
    this.#announce(`This looks like ${label}: ${score}`);
  }

  clear(): void {
    this.#showBars(new Float32Array(this.#labels.length), -1);
    this.#elements.label.textContent = '–';
    this.#elements.label.classList.remove('long');
    this.#elements.score.textContent = 'empty';
    this.#elements.latency.textContent = '–';
    this.#announce('The pad is empty');
  }

  #showBars(probabilities: Float32Array, top: number): void {
    const places = [...probabilities.keys()];
    if (this.#labels.length > MOST_BARS)
      places.sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b);
    this.#bars.forEach(({ item, name, fill, score }, i) => {
      const place = places[i] ?? i;
      const share = probabilities[place] ?? 0;
      const label = this.#labels[place] ?? '';
      if (name.textContent !== label) Object.assign(name, { textContent: label, title: label });
      item.classList.toggle('top', place === top);
      fill.style.setProperty('--share', String(share));
      score.textContent = percent(share);
    });
  }

  #announce(sentence: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const { announcement } = this.#elements;
      if (announcement.textContent !== sentence) announcement.textContent = sentence;
    }, QUIET_TIME);
  }
}

function createBar(): Bar {
  const [item, name, track, fill, score] = ['li', 'span', 'span', 'span', 'span'].map((tag) =>
    document.createElement(tag),
  ) as [HTMLElement, HTMLElement, HTMLElement, HTMLElement, HTMLElement];
  name.className = 'name';
  track.className = 'track';
  track.append(fill);
  score.className = 'score';
  item.append(name, ' ', track, score);
  return { item, name, fill, score };
}
