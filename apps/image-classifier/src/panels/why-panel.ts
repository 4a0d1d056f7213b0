import type { RawImage } from '@formers/images';
import { AttentionView } from '@formers/visualization';

import type { Explanation } from '../model/image-classifier.ts';
import { LatestOnly } from '../page/latest-only.ts';
import { imageDataOf } from '../page/pixels.ts';
import { messageOf } from '../page/words.ts';
import { create, element } from '../shell/elements.ts';
import type { Session } from '../shell/session.ts';
import { WorkerEnded } from '../worker/start-worker.ts';

/** The panel that shows where the model looks in the image that is classified. */
export class WhyPanel {
  readonly #session: Session;
  readonly #say: (message: string) => void;
  readonly #empty = create(
    'p',
    { class: 'quiet' },
    'There is nothing to explain yet: draw or open a picture in “Classify”.',
  );
  readonly #explanations: LatestOnly<RawImage>;
  readonly #host = create('div');
  #view: AttentionView | undefined;
  #input: RawImage | undefined;
  #isShown = false;

  constructor(session: Session, say: (message: string) => void) {
    this.#session = session;
    this.#say = say;
    this.#explanations = new LatestOnly((image) => this.#explain(image));
    element('why-view').append(this.#empty, this.#host);
  }

  /** Has to be told of each image that the model gets; it is explained while the panel is shown. */
  setInput(image: RawImage | undefined): void {
    this.#input = image;
    this.#update();
  }

  /** Whether the visitor sees the panel. */
  set isShown(isShown: boolean) {
    this.#isShown = isShown;
    this.#update();
  }

  /** The colours of the page have changed. */
  repaint(): void {
    this.#view?.repaint();
  }

  #update(): void {
    this.#empty.hidden = this.#input !== undefined;
    this.#host.hidden = this.#input === undefined;
    if (this.#isShown && this.#input) this.#explanations.push(this.#input);
  }

  async #explain(image: RawImage): Promise<void> {
    try {
      const explanation = await this.#session.explain(image);
      if (explanation.numLayers === 0) throw new Error('This model tells nothing of its attention');
      this.#view ??= new AttentionView(this.#host);
      this.#view.show({ maps: mapsOf(explanation), grid: explanation.grid, image: imageDataOf(explanation.seen) });
    } catch (error) {
      if (!(error instanceof WorkerEnded)) this.#say(messageOf(error));
    }
  }
}

function mapsOf({
  attentions,
  numLayers,
  numHeads,
  numTokens,
}: Explanation): Parameters<AttentionView['show']>[0]['maps'] {
  return { values: attentions, numLayers, numHeads, numTokens };
}
