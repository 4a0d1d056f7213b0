import type { Beginning, Tested, TrainSettings } from './protocol.ts';

/** What a model card tells. */
export interface CardFacts {
  readonly labels: readonly string[];
  /** How many images of each class there were. */
  readonly counts: readonly number[];
  readonly beginning: Beginning['kind'];
  /** Of the model that it began with. */
  readonly beginningName: string | undefined;
  readonly settings: TrainSettings;
  /** Steps made. */
  readonly step: number;
  readonly numParameters: number;
  readonly numHeldOut: number;
  readonly tested: Tested | undefined;
}

/** README.md of a trained model, with what the Hugging Face hub reads of it. */
export function modelCard(facts: CardFacts): string {
  const { labels, counts, settings, step, numParameters, numHeldOut, tested } = facts;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const rows = labels.map((label, i) => `| ${plain(label)} | ${counts[i] ?? 0} |`);
  const accuracy = tested ? `${(100 * tested.accuracy).toFixed(1)} %` : 'not measured';
  const measured =
    numHeldOut > 0
      ? `Of ${numHeldOut} images that were held out, it takes ${accuracy} for what they are.`
      : `There were too few images to hold any out: ${accuracy} is the share of those that it learned from.`;
  return `---
library_name: transformers
pipeline_tag: image-classification
tags:
  - vit
  - image-classification
  - formers
---

# ${labels.map(plain).join(', ')}

A Vision Transformer with ${numParameters.toLocaleString('en')} parameters that tells ${labels.length} classes apart. It was trained in a browser tab with Formers, ${beginningOf(facts)}.

| class | images |
| --- | --- |
${rows.join('\n')}

${measured} ${total - numHeldOut} images were learned from, in ${step} of ${settings.steps} steps of ${settings.batchSize} images (AdamW, learning rate ${settings.learningRate}, seed ${settings.seed}${augmentationOf(settings)}).

## Use

\`\`\`python
from transformers import pipeline

print(pipeline("image-classification", model="path/to/this/folder")("picture.png"))
\`\`\`

\`\`\`sh
npx pnpm@12 classify --model path/to/this/folder picture.png
\`\`\`
`;
}

function beginningOf({ beginning, beginningName = 'another model' }: CardFacts): string {
  if (beginning === 'scratch') return 'from scratch';
  return `${beginning === 'head' ? 'a new head on the frozen encoder' : 'all its weights, beginning with those'} of ${plain(beginningName)}`;
}

function augmentationOf({ flip, shift }: TrainSettings): string {
  const changes = [...(flip ? ['mirrored'] : []), ...(shift > 0 ? [`moved by up to ${shift} pixels`] : [])];
  return changes.length > 0 ? `, images ${changes.join(' and ')} at random` : '';
}

/** A text of the visitor that is no Markdown. */
function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_{}[\]<>#|~$]/g, (sign) => `\\${sign}`);
}
