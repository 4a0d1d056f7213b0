import type { TextDecoder } from './model.ts';

/** Makes a decoder give whole words only: it holds text back until a space follows. Chinese characters are words of their own. */
export function wordBuffer(decoder: TextDecoder): TextDecoder {
  let held = '';
  return {
    push: (id) => {
      held += decoder.push(id);
      const [words = ''] = /^.*[\s\p{Script=Han}]/su.exec(held) ?? [];
      held = held.slice(words.length);
      return words;
    },
    end: () => {
      const rest = held + decoder.end();
      held = '';
      return rest;
    },
  };
}
