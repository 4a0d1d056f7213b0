import { crossEntropy } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { add, mul, type Scalar, type Tensor1D, type Tensor2D, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

import { type ViTConfig, vitConfig, type ViTOptions } from '../config.ts';
import { createHead } from '../image-classifier.ts';
import type { ViTCallOptions } from '../model.ts';
import { tokenOf } from '../tokens.ts';
import { DEIT_WITH_TEACHER } from './hf.ts';
import { DeiTEncoder } from './model.ts';

/** The logits of a DeiT with a teacher, each [batch, labels]. */
export interface DeiTTeacherOutput {
  /** The mean of the two below: what the model predicts. */
  logits: Tensor2D;
  /** Of the class token. */
  classLogits: Tensor2D;
  /** Of the distillation token. */
  distillationLogits: Tensor2D;
}

/** What the loss of distillation is told. */
export interface DistillationLossOptions extends ViTCallOptions {
  /** int32 [batch], the true classes. */
  labels: Tensor1D;
  /** int32 [batch], the classes that the teacher chose. */
  teacherLabels: Tensor1D;
}

/** A DeiT that classifies by its class token and, as its teacher would, by its distillation token (Touvron et al. 2021, section 4). */
export class DeiTForImageClassificationWithTeacher extends PretrainedModel<
  [images: Tensor4D, options?: ViTCallOptions],
  DeiTTeacherOutput,
  ViTConfig
> {
  readonly config: ViTConfig;
  readonly format: typeof DEIT_WITH_TEACHER = DEIT_WITH_TEACHER;
  encoder: DeiTEncoder;
  head: Linear<Tensor2D>;
  distillationHead: Linear<Tensor2D>;

  constructor(options: ViTOptions, init: InitOptions = {}) {
    super();
    this.config = vitConfig(options);
    const { dim, labels, initStd } = this.config;
    this.encoder = new DeiTEncoder(this.config, { random: initStream(init, 'init') });
    this.head = createHead(this.config, init);
    this.distillationHead = new Linear({
      inDim: dim,
      outDim: labels.length,
      init: normal(initStd),
      random: initStream(init, 'distillation-head-init'),
    });
  }

  protected override forward(images: Tensor4D, options?: ViTCallOptions): DeiTTeacherOutput {
    const hidden = this.encoder.call(images, options); // [batch, 2 + patches, dim]
    const classLogits = this.head.call(tokenOf(hidden, 0)); // [batch, labels]
    const distillationLogits = this.distillationHead.call(tokenOf(hidden, 1)); // [batch, labels]
    return { logits: mul(add(classLogits, distillationLogits), 0.5), classLogits, distillationLogits };
  }

  /** Hard-label distillation, in nats: half the cross-entropy of the class token against the truth, half that of the distillation token against the teacher (equation 3). */
  loss(images: Tensor4D, { labels, teacherLabels, ...options }: DistillationLossOptions): Scalar {
    return tidy(() => {
      const { classLogits, distillationLogits } = this.call(images, options);
      const total = add(crossEntropy(classLogits, labels), crossEntropy(distillationLogits, teacherLabels));
      return mul(total, 0.5) as Scalar;
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(
    location: FolderLocation,
    options?: PretrainedOptions,
  ): Promise<DeiTForImageClassificationWithTeacher> {
    return loadPretrained(location, {
      format: DEIT_WITH_TEACHER,
      create: (config, init) => new DeiTForImageClassificationWithTeacher(config, init),
      options,
    });
  }
}
