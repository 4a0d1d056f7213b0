import { messageOf } from '../page/words.ts';
import type { TrainEnd } from './protocol.ts';

/** Why a training failed, in the words of the page. */
export function explain({ code, message }: Extract<TrainEnd, { reason: 'failed' }>): string {
  const text = messageOf(message);
  if (code === 'not-finite') return 'The loss became infinite; a smaller learning rate helps.';
  if (code === 'device-lost') return `The graphics device was lost: ${text}`;
  if (code === 'crashed' || /out of memory|allocation failed/i.test(message))
    return `The worker that trains was lost, or its memory is full: ${text} Fewer images per step, or a smaller model, need less.`;
  return text;
}
