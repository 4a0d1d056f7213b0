import { ValueError } from '@formers/backend';

/**
 * Checks token ids before they become a tensor: on a GPU a bad id is clamped in silence.
 *
 * @param ids Whole numbers from 0.
 * @param options.vocabSize Ids must be below it; default: any.
 * @param options.where Begins the message.
 * @throws {@link ValueError} naming the first bad value and its place.
 */
export function checkIds(
  ids: ArrayLike<number>,
  { vocabSize = 2 ** 31, where = 'checkIds' }: { vocabSize?: number; where?: string } = {},
): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if (Number.isInteger(id) && id >= 0 && id < vocabSize) continue;
    throw new ValueError(`${where}: ids must be whole numbers in [0, ${vocabSize}), got ${id} at position ${i}`);
  }
}
