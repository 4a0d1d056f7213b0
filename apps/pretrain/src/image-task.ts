import type { ImageBatches, ImageDataSet, ImageProcessor } from '@formers/images';

import type { PreparedRun } from './family.ts';

/** What tasks on images are given. */
export interface ImageParts {
  readonly data: ImageBatches;
  readonly labels: readonly string[];
  readonly numChannels: number;
  readonly processor: ImageProcessor;
  /** Held-out images. */
  readonly evaluated: ImageDataSet;
  /** Folder of the model, unless it is a new one. */
  readonly checkpoint: string | undefined;
}

/** What tasks on images bring to a run. */
export interface ImageTask extends Pick<PreparedRun, 'model' | 'data' | 'loss' | 'evaluate' | 'finish' | 'commands'> {
  /** Of the model. */
  readonly title: string;
}
