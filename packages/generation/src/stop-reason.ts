import type { GenerationTokenizer } from './model.ts';
import type { Settings } from './settings.ts';

/** Why a row ended: an end token, a stop string, the most new tokens, the time, or the caller's signal. */
export type StopReason = 'end-token' | 'stop-string' | 'length' | 'time' | 'abort';

/** The reason to stop after the last of `ids`, if there is one. */
export function stopReason(
  ids: readonly number[],
  { settings, maxLength, deadline }: { settings: Settings; maxLength: number; deadline: number },
): StopReason | undefined {
  const { eosTokenIds, stopStrings, tokenizer } = settings;
  if (eosTokenIds.includes(ids.at(-1) as number)) return 'end-token';
  if (tokenizer && stopStrings.length > 0 && lastTokenEnds(stopStrings, { ids, tokenizer })) return 'stop-string';
  if (ids.length >= maxLength) return 'length';
  return performance.now() > deadline ? 'time' : undefined;
}

/** Whether one of the strings ends within the text of the last id; it may begin before, even in the prompt. */
function lastTokenEnds(
  strings: readonly string[],
  { ids, tokenizer }: { ids: readonly number[]; tokenizer: GenerationTokenizer },
): boolean {
  const longest = Math.max(...strings.map((text) => new TextEncoder().encode(text).length));
  const tail = ids.slice(-(longest + CONTEXT_TOKENS)); // a token has at least one byte
  const before = tokenizer.decode(tail.slice(0, -1));
  const text = tokenizer.decode(tail);
  let fresh = 0; // where the text of the last id starts; it may complete a character that was broken before
  while (fresh < before.length && before[fresh] === text[fresh]) fresh++;
  return strings.some((string) => text.includes(string, Math.max(0, fresh - string.length + 1)));
}

/** Decoders treat the first token of a text differently. */
const CONTEXT_TOKENS = 4;
