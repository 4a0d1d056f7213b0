import { ConfusionMatrixView, LineChart } from '@formers/visualization';

import { percent } from '../page/words.ts';
import { create } from '../shell/elements.ts';
import type { Phase, TrainEvent } from './protocol.ts';

const PHASES: Readonly<Record<Phase, string>> = {
  engine: 'Starting the engine',
  model: 'Opening the model',
  images: 'Reading images',
  features: 'Computing what the frozen part sees',
};

/** How a training goes: progress, curves, figures, and what is taken for what. */
export class RunView {
  readonly root: HTMLElement;
  readonly #bar: HTMLProgressElement;
  readonly #text: HTMLElement;
  readonly #figures: Readonly<Record<'speed' | 'accuracy' | 'images' | 'memory', HTMLElement>>;
  readonly #loss: LineChart;
  readonly #accuracy: LineChart;
  readonly #matrix: ConfusionMatrixView;
  readonly #matrixNote: HTMLElement;
  #steps = 1;
  #labels: readonly string[] = [];
  #numHeldOut = 0;
  #tested: number | undefined;

  constructor() {
    this.#bar = create('progress', { max: '1', value: '0', 'aria-label': 'Training' });
    this.#text = create('p', { class: 'train-progress-text' }, 'Not started');
    this.#figures = { speed: figure(), accuracy: figure(), images: figure(), memory: figure() };
    const { speed, accuracy, images, memory } = this.#figures;
    const figures = create(
      'dl',
      { class: 'train-figures' },
      named('Accuracy', accuracy),
      named('Speed', speed),
      named('Images', images),
      named('Memory', memory),
    );
    const charts = create('div', { class: 'train-charts' });
    const matrix = create('div', { class: 'train-matrix' });
    this.#matrixNote = create('p', { class: 'train-note' });
    this.root = create('div', { class: 'train-run' }, this.#bar, this.#text, figures, charts, matrix);
    const curves = [
      { id: 'learned', label: 'training' },
      { id: 'tested', label: 'held out' },
    ];
    this.#loss = new LineChart(charts, { title: 'Loss', curves, yRange: [0, undefined] });
    this.#accuracy = new LineChart(charts, {
      title: 'Accuracy',
      curves,
      yRange: [0, 1],
      format: (share) => percent(share),
    });
    this.#matrix = new ConfusionMatrixView(matrix, { title: 'What is taken for what' });
    matrix.append(this.#matrixNote);
  }

  /** Begins anew. */
  begin({ steps, labels }: { steps: number; labels: readonly string[] }): void {
    this.#steps = steps;
    this.#labels = labels;
    this.#tested = undefined;
    this.#loss.clear();
    this.#accuracy.clear();
    this.#matrix.clear();
    this.#matrixNote.textContent = '';
    for (const each of Object.values(this.#figures)) each.textContent = '–';
    this.#bar.value = 0;
    this.say('Starting');
  }

  /** The last one that was measured. */
  get accuracy(): number | undefined {
    return this.#tested;
  }

  /** What stands below the bar. */
  say(text: string): void {
    this.#text.textContent = text;
  }

  tell(event: TrainEvent): void {
    switch (event.type) {
      case 'phase':
        return this.say(`${PHASES[event.phase]}${event.total > 0 ? `: ${event.done} of ${event.total}` : ''}`);
      case 'started':
        return this.#started(event);
      case 'steps':
        return this.#stepped(event);
      case 'evaluation':
        return this.#evaluated(event);
      case 'snapshot':
        return;
    }
  }

  #started({ numLearned, numHeldOut, numTrained, numParameters }: Extract<TrainEvent, { type: 'started' }>): void {
    this.#numHeldOut = numHeldOut;
    this.#figures.images.textContent = `${numLearned} to learn, ${numHeldOut} held out`;
    const all = numTrained === numParameters ? 'all' : numTrained.toLocaleString('en');
    this.say(`Learning: ${all} of ${numParameters.toLocaleString('en')} parameters`);
  }

  #stepped({ losses, imagesPerSecond, secondsLeft, memory }: Extract<TrainEvent, { type: 'steps' }>): void {
    for (const { step, loss } of losses) this.#loss.append(step, { learned: loss });
    const step = losses.at(-1)?.step ?? 0;
    this.#bar.value = step / this.#steps;
    this.#figures.speed.textContent = `${Math.round(imagesPerSecond).toLocaleString('en')} images/s`;
    this.#figures.memory.textContent = `${(memory.bytes / 2 ** 20).toFixed(0)} MB in ${memory.tensors} tensors`;
    Object.assign(this.root.dataset, {
      step: String(step),
      tensors: String(memory.tensors),
      bytes: String(memory.bytes),
    });
    this.say(`Step ${step} of ${this.#steps}, ${timeOf(secondsLeft)} left`);
  }

  #evaluated({ step, tested, learnedAccuracy }: Extract<TrainEvent, { type: 'evaluation' }>): void {
    const isHeldOut = this.#numHeldOut > 0;
    this.#tested = tested.accuracy;
    this.#loss.append(step, isHeldOut ? { tested: tested.loss } : {});
    this.#accuracy.append(step, { learned: learnedAccuracy, ...(isHeldOut && { tested: tested.accuracy }) });
    this.#figures.accuracy.textContent = percent(tested.accuracy);
    this.#matrix.show({ labels: this.#labels, counts: tested.counts });
    this.#matrixNote.textContent = isHeldOut
      ? 'Images that were held out: the model has not learned from them.'
      : 'Images that the model learns from: with five of each class, some would be held out for testing.';
  }
}

/** A time as `3 s` or `2 min`. */
export function timeOf(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function figure(): HTMLElement {
  return create('dd', {}, '–');
}

function named(name: string, value: HTMLElement): HTMLElement {
  return create('div', {}, create('dt', {}, name), value);
}
