import type { CharSet } from './char-set.ts';

/** Places that an assertion asks for. */
export type Place =
  | 'line-begin'
  | 'line-end'
  | 'text-begin'
  | 'text-end'
  | 'last-line-end'
  | 'word-edge'
  | 'no-word-edge';

/** A parsed regular expression. */
export type Node =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  | {
      readonly kind: 'repeat';
      readonly body: Node;
      readonly min: number;
      readonly max: number;
      readonly mode: RepeatMode;
    }
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'ahead'; readonly body: Node; readonly negative: boolean }
  | { readonly kind: 'behind'; readonly body: Node; readonly negative: boolean }
  | { readonly kind: 'atomic'; readonly body: Node };

/** Whether a repetition takes much first, little first, or much and never gives back. */
export type RepeatMode = 'greedy' | 'lazy' | 'possessive';

/** The number of characters that a node always matches, or undefined. */
export function fixedLength(node: Node): number | undefined {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'sequence':
      return node.parts.reduce<number | undefined>((sum, part) => add(sum, fixedLength(part)), 0);
    case 'choice': {
      const lengths = new Set(node.options.map(fixedLength));
      return lengths.size === 1 ? [...lengths][0] : undefined;
    }
    case 'repeat': {
      const length = fixedLength(node.body);
      return node.min === node.max && length !== undefined ? length * node.min : undefined;
    }
    case 'atomic':
      return fixedLength(node.body);
    default:
      return 0;
  }
}

/** Whether a node can match the empty text. */
export function isNullable(node: Node): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'sequence':
      return node.parts.every(isNullable);
    case 'choice':
      return node.options.some(isNullable);
    case 'repeat':
      return node.min === 0 || isNullable(node.body);
    case 'atomic':
      return isNullable(node.body);
    default:
      return true;
  }
}

function add(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}
