import type { RawImage } from '@formers/images';

import { digitFromStrokes } from '../digit/digit-form.ts';
import { EXAMPLES } from '../digit/examples.ts';
import type { Stroke } from '../digit/strokes.ts';
import type { ModelFacts } from '../model/image-classifier.ts';
import { takesInk } from '../model/takes-ink.ts';
import { DrawingPad, pictureOfStrokes, showImage } from '../page/drawing-pad.ts';
import { ExampleList } from '../page/example-list.ts';
import { LatestOnly } from '../page/latest-only.ts';
import { ResultView } from '../page/result-view.ts';
import { messageOf } from '../page/words.ts';
import { element } from '../shell/elements.ts';
import type { Session } from '../shell/session.ts';
import { Webcam } from '../train/webcam.ts';
import { WorkerEnded } from '../worker/start-worker.ts';

/** The example that the page opens with. */
const FIRST_EXAMPLE = '3';

/** What the classify panel is given. */
export interface ClassifyOptions {
  readonly session: Session;
  readonly say: (message: string) => void;
  /** Is told of each image that the model gets; undefined when there is none any more. */
  readonly onInput: (image: RawImage | undefined) => void;
}

/** What there is to classify, before it has the form that the model wants. */
type Subject = { readonly strokes: readonly Stroke[] } | { readonly picture: Blob | RawImage; readonly name: string };

/** The panel that classifies: pad, pictures, webcam, and what the model says of them. */
export class ClassifyPanel {
  readonly #options: ClassifyOptions;
  readonly #pad: DrawingPad;
  readonly #examples: ExampleList;
  readonly #seen = element<HTMLCanvasElement>('seen');
  readonly #result = new ResultView(
    {
      label: element('label'),
      score: element('score'),
      bars: element('bars'),
      latency: element('latency'),
      announcement: element('announcement'),
    },
    EXAMPLES.map(({ label }) => label),
  );
  readonly #webcam = new Webcam(element<HTMLVideoElement>('video'));
  readonly #answers: LatestOnly<RawImage>;
  readonly #pictures: LatestOnly<Extract<Subject, { picture: unknown }>>;
  #subject: Subject | undefined;
  #takesInk = true;

  constructor(options: ClassifyOptions) {
    this.#options = options;
    this.#answers = new LatestOnly((image) => this.#classify(image));
    this.#pictures = new LatestOnly((subject) => this.#readPicture(subject));
    this.#pad = new DrawingPad(element<HTMLCanvasElement>('pad'), (strokes) => this.#showStrokes(strokes));
    this.#examples = new ExampleList(element('examples'), (strokes) => {
      this.#stopWebcam();
      this.#pad.play(strokes, { animate: !matchMedia('(prefers-reduced-motion: reduce)').matches });
    });
    element('pad').addEventListener('pointerdown', () => this.#examples.clear());
    element('clear').addEventListener('click', () => this.#clear());
    element('webcam').addEventListener('click', () => void this.#toggleWebcam());
    this.#showFirstExample();
  }

  /** Shows and classifies a picture. */
  showPicture(picture: Blob, name: string): void {
    this.#stopWebcam();
    this.#examples.clear();
    this.#options.say('');
    this.#subject = { picture, name };
    this.#pictures.push(this.#subject);
  }

  /** Has to be told of each model: what is on the pad is classified again, in its form. */
  setModel(facts: ModelFacts): void {
    this.#takesInk = takesInk(facts);
    this.#result.setLabels(facts.labels);
    element('example-field').hidden = !this.#takesInk;
    this.refresh();
  }

  /** Classifies again what is there. */
  refresh(): void {
    const subject = this.#subject;
    if (subject === undefined) return;
    if ('strokes' in subject) this.#showStrokes(subject.strokes);
    else this.#pictures.push(subject);
  }

  /** The colours of the page have changed. */
  repaint(): void {
    this.#pad.repaint();
  }

  #showFirstExample(): void {
    const example = EXAMPLES.find(({ label }) => label === FIRST_EXAMPLE);
    if (example === undefined) return;
    this.#examples.choose(example.label);
    this.#pad.play(example.strokes, { animate: false });
  }

  #showStrokes(strokes: readonly Stroke[]): void {
    this.#options.say('');
    this.#stopWebcam();
    this.#subject = { strokes };
    element('hint').hidden = true;
    this.#give(this.#takesInk ? digitFromStrokes(strokes) : pictureOfStrokes(strokes));
  }

  async #readPicture(subject: Extract<Subject, { picture: unknown }>): Promise<void> {
    try {
      const { shown, input } = await this.#options.session.readPicture(subject.picture);
      if (this.#subject !== subject) return;
      element('hint').hidden = true;
      this.#pad.showPicture(shown);
      this.#give(input);
    } catch (error) {
      if (!(error instanceof WorkerEnded)) this.#options.say(`“${subject.name}” can’t be shown. ${messageOf(error)}`);
    }
  }

  #give(image: RawImage): void {
    if (this.#takesInk) showImage(this.#seen, image);
    this.#answers.push(image);
    this.#options.onInput(image);
  }

  async #classify(image: RawImage): Promise<void> {
    try {
      const start = performance.now();
      const answer = await this.#options.session.classify(image);
      if (this.#subject === undefined) return;
      if (answer.seen) showImage(this.#seen, answer.seen);
      this.#result.show(answer, performance.now() - start);
    } catch (error) {
      if (!(error instanceof WorkerEnded)) this.#options.say(messageOf(error));
    }
  }

  #clear(): void {
    this.#stopWebcam();
    this.#examples.clear();
    this.#subject = undefined;
    this.#options.say('');
    this.#pad.clear();
    this.#answers.clear();
    showImage(this.#seen, undefined);
    this.#result.clear();
    element('hint').hidden = false;
    this.#options.onInput(undefined);
  }

  async #toggleWebcam(): Promise<void> {
    if (this.#webcam.isStarting) return;
    if (this.#webcam.isOn) return this.#stopWebcam();
    this.#options.say('');
    try {
      await this.#webcam.start();
      element('webcam').ariaPressed = 'true';
      element('video').hidden = false;
      this.#examples.clear();
      await this.#watch();
    } catch (error) {
      this.#stopWebcam();
      this.#options.say(messageOf(error));
    }
  }

  /** Classifies frame after frame, as fast as the model answers, until the webcam is stopped. */
  async #watch(): Promise<void> {
    while (this.#webcam.isOn) {
      const { image } = await this.#webcam.frame();
      const subject = { picture: image, name: 'the webcam’s picture' };
      this.#subject = subject;
      const { input } = await this.#options.session.readPicture(subject.picture);
      if (!this.#webcam.isOn) return;
      if (this.#takesInk) showImage(this.#seen, input);
      this.#options.onInput(input);
      await this.#classify(input);
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  }

  #stopWebcam(): void {
    if (!this.#webcam.isOn) return;
    this.#webcam.stop();
    element('webcam').ariaPressed = 'false';
    element('video').hidden = true;
  }
}
