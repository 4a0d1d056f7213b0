import type { BackendChoice } from '@formers/backend';
import type { RawImage } from '@formers/images';

import type { Classification } from './image-classifier.ts';

/** What the worker tells when it is ready. */
export interface Started {
  readonly engine: BackendChoice;
  /** Names of the classes, in the order of probabilities. */
  readonly labels: readonly string[];
  readonly numParameters: number;
}

/** An image file, read. */
export interface Picture {
  /** What the page shows, 255 on 0, at most 280 pixels a side. */
  readonly ink: RawImage;
  /** What the model gets. */
  readonly digit: RawImage;
}

/** What the page can ask its worker. Calls reject with errors whose messages are for users. */
export interface PageClassifier {
  /** Starts the fastest engine there is, loads the model from a URL, and runs it once. */
  start(location: string): Promise<Started>;
  classify(image: RawImage): Promise<Classification>;
  /** Decodes an image file and finds its ink. */
  readPicture(file: Blob): Promise<Picture>;
}
