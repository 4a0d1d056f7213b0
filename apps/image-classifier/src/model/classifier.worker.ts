import { cpu, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';
import { decodeImage, type RawImage } from '@formers/images';
import { expose } from 'comlink';

import { digitFromInk, readInk } from '../digit/read-ink.ts';
import { type Classification, ImageClassifier } from './image-classifier.ts';
import type { Picture, PageClassifier, Started } from './page-classifier.ts';

// The page's policy holds here too, and asks for a word on each script that is started: the engine's threads are blobs.
self.trustedTypes?.createPolicy('default', {
  createScriptURL: (url) => {
    if (!url.startsWith('blob:')) throw new TypeError(`no script may be started from ${url}`);
    return url;
  },
});

let classifier: ImageClassifier | undefined;

const pageClassifier: PageClassifier = {
  async start(location: string): Promise<Started> {
    const engine = await useBackend(simd(), cpu());
    classifier = await ImageClassifier.open(location);
    const { config, numParameters } = classifier;
    await classifier.classify(blankImage(config.imageSize)); // the first call is slow: better now than under the pen
    return { engine, labels: config.labels, numParameters };
  },

  async classify(image: RawImage): Promise<Classification> {
    if (classifier === undefined) throw new Error('the model is not loaded yet');
    return classifier.classify(image);
  },

  async readPicture(file: Blob): Promise<Picture> {
    const ink = readInk(await decodeImage(file, { applyOrientation: true }));
    return { ink, digit: digitFromInk(ink) };
  },
};

function blankImage([height, width]: readonly [height: number, width: number]): RawImage {
  return { data: new Uint8Array(height * width), width, height, channels: 1 };
}

expose(pageClassifier);
