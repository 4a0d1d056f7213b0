import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import { BERT_PRESETS, BertForMaskedLM } from '@formers/bert';
import { GPT, GPT_PRESETS } from '@formers/gpt';
import { ImageProcessor } from '@formers/images';
import { T5, T5_PRESETS } from '@formers/t5';
import { trainCharacters, trainUnigram, trainWordPiece } from '@formers/tokenizers';
import { VIT_MAE_PRESETS, ViTForImageClassification, ViTMAEForPreTraining } from '@formers/vit';

/** The example files of the app. */
export const EXAMPLES: string = path.join(import.meta.dirname, '../../examples');

/** Writes untrained models that take milliseconds, as pre-training leaves them: `bert`, `gpt`, `t5`, `vit` and `mae` in a folder. */
export async function writeTinyModels(folder: string): Promise<void> {
  await useBackend(cpu());
  const files = ['sentiment.csv', 'questions.jsonl', 'named-entities.jsonl', 'proverbs.txt', 'translation.jsonl'];
  const texts = await Promise.all(files.map((file) => readFile(path.join(EXAMPLES, file), 'utf8')));
  const at = (name: string): string => path.join(folder, name);

  const wordPiece = trainWordPiece(texts, { vocabSize: 300 });
  using bert = new BertForMaskedLM(
    { vocabSize: wordPiece.vocabSize, ...BERT_PRESETS.testing, contextLength: 128, padTokenId: wordPiece.padTokenId },
    { seed: 1 },
  );
  await bert.savePretrained(at('bert'));
  await wordPiece.savePretrained(at('bert'));

  const characters = trainCharacters(texts.join('\n'), { unkToken: '<unk>', eosToken: '</s>' });
  using gpt = new GPT(
    { vocabSize: characters.vocabSize, ...GPT_PRESETS.testing, eosTokenId: characters.eosTokenId },
    { seed: 1 },
  );
  await gpt.savePretrained(at('gpt'));
  await characters.savePretrained(at('gpt'));

  const unigram = trainUnigram(texts, { vocabSize: 200, unkToken: '<unk>', eosToken: '</s>', padToken: '<pad>' });
  using t5 = new T5({ vocabSize: unigram.vocabSize, ...T5_PRESETS.testing }, { seed: 1 });
  await t5.savePretrained(at('t5'));
  await unigram.savePretrained(at('t5'));

  using vit = new ViTForImageClassification(
    { imageSize: 16, patchSize: 8, dim: 16, numHeads: 2, numLayers: 1, numChannels: 3, labels: ['a', 'b', 'c'] },
    { seed: 1 },
  );
  await vit.savePretrained(at('vit'));
  using mae = new ViTMAEForPreTraining({ ...VIT_MAE_PRESETS.testing, numChannels: 3 }, { seed: 1 });
  await mae.savePretrained(at('mae'));
  const half = [0.5, 0.5, 0.5];
  for (const [name, side] of [
    ['vit', 16],
    ['mae', mae.config.imageSize[0]],
  ] as const)
    await ImageProcessor.fromConfig({
      image_processor_type: 'ViTImageProcessor',
      size: { height: side, width: side },
      image_mean: half,
      image_std: half,
    }).savePretrained(at(name));
}
