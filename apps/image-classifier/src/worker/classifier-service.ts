import { loadImage, type RawImage, resize } from '@formers/images';
import { memory } from '@tensorflow/tfjs-core';
import { transfer } from 'comlink';

import { digitFromInk, readInk } from '../digit/read-ink.ts';
import { ImageClassifier } from '../model/image-classifier.ts';
import { takesInk } from '../model/takes-ink.ts';
import { startEngine } from './engines.ts';
import type { ClassifierService, Picture } from './protocol.ts';

/** Pictures are shown with at most this height and width, in pixels. */
const SHOWN_SIDE = 640;

/** The service of the worker that classifies: one engine, and one model at a time. */
export function createClassifier(): ClassifierService {
  let current: ImageClassifier | undefined;
  const loaded = (): ImageClassifier => {
    if (current === undefined) throw new Error('the model is not loaded yet');
    return current;
  };

  return {
    start: startEngine,

    async load({ location }, onProgress) {
      const next = await ImageClassifier.open(location, { onProgress });
      try {
        await next.classify(blankImage(next.facts)); // the first call is slow: better now than under the pen
      } catch (error) {
        next[Symbol.dispose]();
        throw error;
      }
      current?.[Symbol.dispose]();
      current = next;
      return next.facts;
    },

    async readPicture(source): Promise<Picture> {
      const image = source instanceof Blob ? await loadImage(source) : source;
      if (!takesInk(loaded().facts)) return { shown: fitted(image), input: image };
      const ink = readInk(image);
      return { shown: ink, input: digitFromInk(ink) };
    },

    classify: async (image) => loaded().classify(image, { withSeen: !takesInk(loaded().facts) }),

    async explain(image) {
      const explanation = await loaded().explain(image);
      return transfer(explanation, [explanation.attentions.buffer]);
    },

    async logits(pixelValues) {
      const { numChannels, imageSize } = loaded().facts;
      return loaded().logits({ pixelValues, shape: [1, numChannels, ...imageSize] });
    },

    memory: () => {
      const { numTensors, numBytes } = memory();
      return Promise.resolve({ numTensors, numBytes });
    },
  };
}

function blankImage({ imageSize: [height, width], numChannels }: ImageClassifier['facts']): RawImage {
  const channels = numChannels === 1 ? 1 : 3;
  return { data: new Uint8Array(height * width * channels), width, height, channels };
}

function fitted(image: RawImage): RawImage {
  const scale = SHOWN_SIDE / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  return resize(image, { width: side(image.width), height: side(image.height), resample: 'bilinear' });
}
