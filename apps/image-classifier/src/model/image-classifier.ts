import { type FolderLocation, openFolder, type OpenFolderOptions } from '@formers/checkpoints';
import { ImageProcessor, type RawImage } from '@formers/images';
import { ViTForImageClassification } from '@formers/vit';
import { tensor4d } from '@tensorflow/tfjs-core';

/** What a model says of an image: one number for each of its labels, in their order. */
export interface Classification {
  readonly logits: Float32Array;
  /** They sum up to 1. */
  readonly probabilities: Float32Array;
}

/** A Vision Transformer with its image processor: what the worker of the page and the command line share. The caller disposes it. */
export class ImageClassifier implements Disposable {
  readonly #model: ViTForImageClassification;
  readonly #processor: ImageProcessor;

  private constructor(model: ViTForImageClassification, processor: ImageProcessor) {
    this.#model = model;
    this.#processor = processor;
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. An engine has to run. @throws {@link CheckpointError} | {@link ConfigError} */
  static async open(location: FolderLocation, options: OpenFolderOptions = {}): Promise<ImageClassifier> {
    const folder = await openFolder(location, options);
    const processor = await ImageProcessor.fromPretrained(folder);
    return new ImageClassifier(await ViTForImageClassification.fromPretrained(folder), processor);
  }

  get config(): ViTForImageClassification['config'] {
    return this.#model.config;
  }

  get numParameters(): number {
    return this.#model.numParameters;
  }

  async classify(image: RawImage): Promise<Classification> {
    const { pixelValues, shape } = this.#processor.process(image);
    const images = tensor4d(pixelValues, shape);
    const logits = this.#model.call(images); // [1, labels]
    try {
      const values = Float32Array.from(await logits.data());
      return { logits: values, probabilities: softmax(values) };
    } finally {
      images.dispose();
      logits.dispose();
    }
  }

  [Symbol.dispose](): void {
    this.#model[Symbol.dispose]();
  }
}

/** Logits as probabilities. */
export function softmax(logits: Float32Array): Float32Array {
  const most = logits.reduce((largest, logit) => Math.max(largest, logit), -Infinity);
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return Float32Array.from(powers, (power) => power / sum);
}

/** The `count` likeliest labels, the likeliest first; equal ones in the order of the labels. */
export function topLabels(
  probabilities: Float32Array,
  { labels, count }: { labels: readonly string[]; count: number },
): { label: string; score: number }[] {
  return labels
    .map((label, i) => ({ label, score: probabilities[i] ?? 0 }))
    .toSorted((a, b) => b.score - a.score)
    .slice(0, count);
}
