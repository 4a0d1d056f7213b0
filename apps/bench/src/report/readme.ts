/** Between these lines is what the bench writes. */
export const MARKERS = { start: '<!-- bench:start -->', end: '<!-- bench:end -->' } as const;

/** The text with what is between the markers replaced. @throws when they are not there, once each and in order. */
export function replaceBetweenMarkers(text: string, content: string): string {
  const [before, rest, ...more] = text.split(MARKERS.start);
  const [old, after, ...evenMore] = (rest ?? '').split(MARKERS.end);
  if (rest === undefined || after === undefined || old === undefined || more.length > 0 || evenMore.length > 0)
    throw new Error(`README: ${MARKERS.start} and ${MARKERS.end} must be there once each, in this order`);
  return `${before}${MARKERS.start}\n\n${content}\n\n${MARKERS.end}${after}`;
}
