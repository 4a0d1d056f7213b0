import type { RawImage } from '@formers/images';

import { digitFromStrokes } from './digit/digit-form.ts';
import { EXAMPLES } from './digit/examples.ts';
import type { Stroke } from './digit/strokes.ts';
import type { Classification } from './model/image-classifier.ts';
import type { Started } from './model/page-classifier.ts';
import { startWorker } from './model/start-worker.ts';
import { DrawingPad, showInk } from './page/drawing-pad.ts';
import { ExampleList } from './page/example-list.ts';
import { acceptFiles } from './page/file-drop.ts';
import { LatestOnly } from './page/latest-only.ts';
import { ResultView } from './page/result-view.ts';
import { describeEngine, messageOf } from './page/words.ts';

/** What scripts may use of the page, as `window.formersDemo`; its browser test does. */
export interface FormersDemo {
  /** Settles when the model is loaded, or could not be. */
  readonly ready: Promise<Started>;
  /** What the page's model says of a digit as MNIST has it: 28 x 28 levels from 0 (paper) to 255 (ink), row after row. */
  classify(pixels: ArrayLike<number>): Promise<Classification>;
}

declare global {
  interface Window {
    formersDemo: FormersDemo;
  }
}

/** The example that the page opens with. */
const FIRST_EXAMPLE = '3';

const element = <Kind extends HTMLElement = HTMLElement>(id: string): Kind => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html has no element ${id}`);
  return found as Kind;
};

const message = element('message');
const seen = element<HTMLCanvasElement>('seen');
const result = new ResultView(
  {
    label: element('label'),
    score: element('score'),
    bars: element('bars'),
    latency: element('latency'),
    announcement: element('announcement'),
  },
  EXAMPLES.map(({ label }) => label),
);

const { classifier, failure } = startWorker();
const modelUrl = new URL('model/', document.baseURI).href;
const ready = Promise.race([classifier.start(modelUrl), failure]).catch((cause: unknown) => {
  throw new Error(`The model could not be loaded. ${messageOf(cause)}`, { cause });
});

const answers = new LatestOnly<RawImage>(async (digit) => {
  try {
    await ready;
    const start = performance.now();
    const answer = await classifier.classify(digit);
    if (!pad.isEmpty) result.show(answer, performance.now() - start);
  } catch (error) {
    message.textContent = messageOf(error);
  }
});

const pad = new DrawingPad(element<HTMLCanvasElement>('pad'), (strokes) => classifyStrokes(strokes));
const examples = new ExampleList(element('examples'), (strokes) => {
  message.textContent = '';
  pad.play(strokes, { animate: !matchMedia('(prefers-reduced-motion: reduce)').matches });
});
acceptFiles({ input: element<HTMLInputElement>('file'), zone: element('zone') }, (file) => void showFile(file));
element('clear').addEventListener('click', () => {
  examples.clear();
  pad.clear();
  clearResult();
});
element('pad').addEventListener('pointerdown', () => examples.clear());

window.formersDemo = {
  ready,
  classify: (pixels) => classifier.classify({ data: Uint8Array.from(pixels), width: 28, height: 28, channels: 1 }),
};
showFirstExample();
ready.then(showStarted, () => (element('engine').textContent = 'no model'));

function showFirstExample(): void {
  const example = EXAMPLES.find(({ label }) => label === FIRST_EXAMPLE);
  if (example === undefined) return;
  examples.choose(example.label);
  pad.play(example.strokes, { animate: false });
}

function showStarted({ engine, labels, numParameters }: Started): void {
  const { badge, reason } = describeEngine(engine);
  element('engine').textContent = badge;
  element('reason').textContent = reason;
  element('size').textContent = `${numParameters.toLocaleString('en')} parameters`;
  result.setLabels(labels);
}

function classifyStrokes(strokes: readonly Stroke[]): void {
  message.textContent = '';
  const digit = digitFromStrokes(strokes);
  showInk(seen, digit);
  answers.push(digit);
}

async function showFile(file: File): Promise<void> {
  message.textContent = '';
  try {
    const { ink, digit } = await classifier.readPicture(file);
    examples.clear();
    pad.showPicture(ink);
    showInk(seen, digit);
    answers.push(digit);
  } catch (error) {
    message.textContent = `“${file.name}” can’t be shown. ${messageOf(error)}`;
  }
}

function clearResult(): void {
  message.textContent = '';
  answers.clear();
  showInk(seen, undefined);
  result.clear();
}
