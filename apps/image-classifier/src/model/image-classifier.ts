import { capture } from '@formers/backend';
import { type FolderLocation, type FolderSource, openFolder, type OpenFolderOptions } from '@formers/checkpoints';
import { ImageProcessor, type RawImage } from '@formers/images';
import { type AnyImageClassifier, AutoImageProcessor, AutoModelForImageClassification } from '@formers/pipelines';
import { Tensor, tensor4d, tidy } from '@tensorflow/tfjs-core';

import { seenImage } from './seen-image.ts';

/** What a model says of an image: one number for each of its labels, in their order. */
export interface Classification {
  readonly logits: Float32Array;
  /** They sum up to 1, but for models whose classes don't exclude each other. */
  readonly probabilities: Float32Array;
}

/** A classification, and what each token attended to on the way. */
export interface Explanation extends Classification {
  /** [layers, heads, tokens, tokens]: rows are queries, each sums up to 1. The class token and its like come before the patches. */
  readonly attentions: Float32Array;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numTokens: number;
  /** How the patches lie in the image; they are the last tokens, row after row. */
  readonly grid: readonly [rows: number, columns: number];
  /** The pixels that the model got. */
  readonly seen: RawImage;
}

/** What there is to say of a model. */
export interface ModelFacts {
  /** Class name in config.json, or the model's type. */
  readonly architecture: string;
  readonly labels: readonly string[];
  readonly numParameters: number;
  readonly imageSize: readonly [height: number, width: number];
  readonly patchSize: readonly [height: number, width: number];
  readonly numChannels: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Whether the folder had no preprocessor_config.json, so that ViT's defaults stand in. */
  readonly isProcessorAssumed: boolean;
}

type PixelValues = ReturnType<ImageProcessor['process']>;

/** A Vision Transformer with its image processor: what the workers of the page and the command line share. The caller disposes it. */
export class ImageClassifier implements Disposable {
  readonly facts: ModelFacts;
  readonly processor: ImageProcessor;
  readonly #model: AnyImageClassifier;

  private constructor(
    model: AnyImageClassifier,
    { processor, facts }: { processor: ImageProcessor; facts: ModelFacts },
  ) {
    this.#model = model;
    this.processor = processor;
    this.facts = facts;
  }

  /** Opens a Hugging Face folder of a ViT, a DeiT, or one of timm's: a path, a URL, a hub name, or files. An engine has to run. @throws {@link CheckpointError} | {@link ConfigError} */
  static async open(location: FolderLocation, options: OpenFolderOptions = {}): Promise<ImageClassifier> {
    const folder = await openFolder(location, options);
    const model = await AutoModelForImageClassification.fromPretrained(folder, options);
    try {
      const processor = await openProcessor(folder, model.config);
      return new ImageClassifier(model, { processor: processor.processor, facts: { ...factsOf(model), ...processor } });
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  get config(): AnyImageClassifier['config'] {
    return this.#model.config;
  }

  get numParameters(): number {
    return this.#model.numParameters;
  }

  async classify(
    image: RawImage,
    { withSeen = false }: { withSeen?: boolean } = {},
  ): Promise<Classification & { seen?: RawImage }> {
    const pixels = this.processor.process(image);
    const answer = this.#classification(await this.logits(pixels));
    return withSeen ? { ...answer, seen: seenImage(pixels, this.processor.config) } : answer;
  }

  /** Logits of pixel values as the processor makes them. */
  async logits(pixels: PixelValues): Promise<Float32Array> {
    return valuesOf(this.#run(pixels));
  }

  /** Classifies and says which tokens attended to which. */
  async explain(image: RawImage): Promise<Explanation> {
    const pixels = this.processor.process(image);
    const { value, attentions } = capture(() => this.#run(pixels), ['attentions']);
    const [, numHeads = 0, numTokens = 0] = attentions[0]?.shape ?? [];
    const all = new Float32Array(attentions.length * numHeads * numTokens ** 2);
    const maps = await Promise.all(attentions.map(valuesOf));
    maps.forEach((map, layer) => all.set(map, layer * map.length));
    const { imageSize, patchSize } = this.facts;
    return {
      ...this.#classification(await valuesOf(value)),
      attentions: all,
      numLayers: attentions.length,
      numHeads,
      numTokens,
      grid: [Math.floor(imageSize[0] / patchSize[0]), Math.floor(imageSize[1] / patchSize[1])],
      seen: seenImage(pixels, this.processor.config),
    };
  }

  #run({ pixelValues, shape }: PixelValues): Tensor {
    return tidy(() => {
      const output = this.#model.call(tensor4d(pixelValues, shape));
      return output instanceof Tensor ? output : output.logits; // [1, labels]
    });
  }

  #classification(logits: Float32Array): Classification {
    const { config } = this.#model;
    const areMany = 'problemType' in config && config.problemType === 'multi_label_classification';
    return { logits, probabilities: areMany ? sigmoid(logits) : softmax(logits) };
  }

  [Symbol.dispose](): void {
    this.#model[Symbol.dispose]();
  }
}

/** Logits as probabilities of classes that exclude each other. */
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

/** Logits as probabilities of classes that don't exclude each other. */
function sigmoid(logits: Float32Array): Float32Array {
  return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
}

/** The values of a tensor, which is disposed. */
async function valuesOf(tensor: Tensor): Promise<Float32Array> {
  try {
    return Float32Array.from(await tensor.data());
  } finally {
    tensor.dispose();
  }
}

/** The processor of a folder; of one without preprocessor_config.json, the one that Hugging Face's ViTs have unless told otherwise. */
export async function openProcessor(
  folder: FolderSource,
  { imageSize: [height, width], numChannels }: AnyImageClassifier['config'],
): Promise<{ processor: ImageProcessor; isProcessorAssumed: boolean }> {
  const config = await folder.read('config.json');
  const isTold =
    (await folder.has('preprocessor_config.json')) || new TextDecoder().decode(config).includes('"pretrained_cfg"');
  if (isTold) return { processor: await AutoImageProcessor.fromPretrained(folder), isProcessorAssumed: false };
  const half = Array.from({ length: numChannels }, () => 0.5);
  const processor = ImageProcessor.fromConfig({ size: { height, width }, image_mean: half, image_std: half });
  return { processor, isProcessorAssumed: true };
}

function factsOf({ config, format, numParameters }: AnyImageClassifier): Omit<ModelFacts, 'isProcessorAssumed'> {
  const { labels, imageSize, patchSize, numChannels, numLayers, numHeads } = config;
  const { architecture } = format;
  return { architecture, labels, numParameters, imageSize, patchSize, numChannels, numLayers, numHeads };
}
