import type { BackendChoice } from '@formers/backend';
import type { RawImage } from '@formers/images';
import type { ProxyMarked } from 'comlink';

import type { Classification, Explanation, ModelFacts } from '../model/image-classifier.ts';
import type { TrainerService } from '../train/protocol.ts';
import type { EngineChoice } from './engine-names.ts';

/** A model, and where its Hugging Face files are: files at hand, or a URL on the page's own host. */
export interface ModelSource {
  /** For people. */
  readonly name: string;
  readonly location: string | ReadonlyMap<string, Blob>;
}

/** A picture, read. */
export interface Picture {
  /** What the page shows: ink, 255 on 0, with one channel, or the picture itself. */
  readonly shown: RawImage;
  /** What the model gets. */
  readonly input: RawImage;
}

/** How much a worker holds. */
export interface MemoryFigures {
  readonly numTensors: number;
  readonly numBytes: number;
}

/** What the page can ask the worker that classifies. Calls reject with errors whose messages are for users. */
export interface ClassifierService {
  /** Starts an engine; to be called first, once. */
  start(engine: EngineChoice): Promise<BackendChoice>;
  /** Opens a model and runs it once. One that can't be opened leaves the one before in place. */
  load(source: ModelSource, onProgress: OnProgress): Promise<ModelFacts>;
  /** Decodes an image file, or takes a picture, and makes of it what the model gets. */
  readPicture(source: Blob | RawImage): Promise<Picture>;
  /** Also gives what the model saw, unless that is the image itself. */
  classify(image: RawImage): Promise<Classification & { seen?: RawImage }>;
  /** Classifies, and says which patches looked at which. */
  explain(image: RawImage): Promise<Explanation>;
  /** Logits of pixel values as the model takes them, [1, channels, height, width]. */
  logits(pixelValues: Float32Array): Promise<Float32Array>;
  memory(): Promise<MemoryFigures>;
}

/** How far the reading of a model is, in bytes of all its files. */
export interface Progress {
  readonly file: string;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

/** Is told of each piece that arrives. */
export type OnProgress = (progress: Progress) => void;

/** What the page can ask the worker that gets models. */
export interface OpenerService {
  /** Downloads the files of a Hugging Face folder from a URL or the hub. */
  download(location: string, onProgress: OnProgress): Promise<Map<string, Blob>>;
  /** Unpacks a zip of a Hugging Face folder. */
  unzip(zip: Blob, onProgress: OnProgress): Promise<Map<string, Blob>>;
}

/**
 * What `formers.worker.ts` can be: each worker of the page runs that script and is asked for one of these, whose code is loaded then. Calls go through
 * comlink.
 */
export interface WorkerServices {
  classifier(): Promise<ClassifierService & ProxyMarked>;
  opener(): Promise<OpenerService & ProxyMarked>;
  trainer(): Promise<TrainerService & ProxyMarked>;
}
