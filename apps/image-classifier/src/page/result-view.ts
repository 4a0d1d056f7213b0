import type { Classification } from '../model/image-classifier.ts';
import { milliseconds, percent } from './words.ts';

/** How long the answer has to stay before it is read out, in milliseconds: drawing changes it many times a second. */
const QUIET_TIME = 700;

/** The elements of the page that show an answer. */
export interface ResultElements {
  readonly label: HTMLElement;
  readonly score: HTMLElement;
  readonly bars: HTMLElement;
  readonly latency: HTMLElement;
  /** A live region: what it says is read out. */
  readonly announcement: HTMLElement;
}

/** The likeliest class, a bar for each class, the time it took, and a sentence for screen readers once the answer rests. */
export class ResultView {
  readonly #elements: ResultElements;
  #labels: readonly string[] = [];
  #bars: readonly { item: HTMLElement; fill: HTMLElement; score: HTMLElement }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(elements: ResultElements, labels: readonly string[]) {
    this.#elements = elements;
    this.setLabels(labels);
  }

  /** Makes a bar for each label. */
  setLabels(labels: readonly string[]): void {
    if (labels.join('\n') === this.#labels.join('\n')) return;
    this.#labels = labels;
    this.#bars = labels.map((label) => {
      const [item, name, track, fill, score] = ['li', 'span', 'span', 'span', 'span'].map((tag) =>
        document.createElement(tag),
      ) as [HTMLElement, HTMLElement, HTMLElement, HTMLElement, HTMLElement];
      name.className = 'name';
      name.textContent = label;
      track.className = 'track';
      track.append(fill);
      score.className = 'score';
      score.textContent = percent(0);
      item.append(name, ' ', track, score);
      return { item, fill, score };
    });
    this.#elements.bars.replaceChildren(...this.#bars.map(({ item }) => item));
  }

  /** @param time From asking to answer, in milliseconds. */
  show({ probabilities }: Classification, time: number): void {
    const top = probabilities.indexOf(Math.max(...probabilities));
    const label = this.#labels[top] ?? '';
    const score = percent(probabilities[top] ?? 0);
    this.#showBars(probabilities, top);
    this.#elements.label.textContent = label;
    this.#elements.score.textContent = score;
    this.#elements.latency.textContent = milliseconds(time);
    this.#announce(`This looks like ${label}: ${score}`);
  }

  clear(): void {
    this.#showBars(new Float32Array(this.#labels.length), -1);
    this.#elements.label.textContent = '–';
    this.#elements.score.textContent = 'empty';
    this.#elements.latency.textContent = '–';
    this.#announce('The pad is empty');
  }

  #showBars(probabilities: Float32Array, top: number): void {
    this.#bars.forEach(({ item, fill, score }, i) => {
      const share = probabilities[i] ?? 0;
      item.classList.toggle('top', i === top);
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
