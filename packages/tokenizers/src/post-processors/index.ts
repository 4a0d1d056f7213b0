import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { byteLevelProcessing } from './byte-level.ts';
import type { PostProcessor } from './post-processor.ts';
import { bertProcessing, robertaProcessing } from './surround.ts';
import { templateProcessing } from './template.ts';

/** Makes the post-processor that `fields` describes. */
export function readPostProcessor(fields: Fields): PostProcessor {
  const type = fields.string('type');
  switch (type) {
    case 'ByteLevel':
      return byteLevelProcessing(fields);
    case 'BertProcessing':
      return bertProcessing(fields);
    case 'RobertaProcessing':
      return robertaProcessing(fields);
    case 'TemplateProcessing':
      return templateProcessing(fields);
    case 'Sequence':
      return sequence(fields.objects('processors').map(readPostProcessor));
    default:
      throw new TokenizerError('unsupported', `${fields.place}: no post-processor of type ${JSON.stringify(type)}`);
  }
}

function sequence(processors: readonly PostProcessor[]): PostProcessor {
  return {
    addedTokens: (isPair) => processors.reduce((sum, processor) => sum + processor.addedTokens(isPair), 0),
    process: (encodings, addSpecialTokens) =>
      processors.reduce((done, processor) => processor.process(done, addSpecialTokens), [...encodings]),
  };
}
