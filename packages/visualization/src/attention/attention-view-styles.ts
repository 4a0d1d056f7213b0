/** Styles of an attention view; all colours come from variables. */
export const ATTENTION_VIEW_STYLES = `
.formers-attention { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); align-items: start; color: var(--formers-ink, CanvasText); }
.formers-attention p { margin: 0; }
.formers-attention-stage { position: relative; aspect-ratio: var(--aspect, 1); border-radius: 0.5rem; overflow: hidden; background: var(--formers-track, Canvas); }
.formers-attention-stage > canvas { display: block; width: 100%; height: 100%; }
.formers-attention-stage > canvas.formers-small { image-rendering: pixelated; }
.formers-patches {
  position: absolute; inset: 0; display: grid; touch-action: manipulation;
  grid-template-columns: repeat(var(--columns), 1fr); grid-template-rows: repeat(var(--rows), 1fr);
}
.formers-patches [role='row'] { display: contents; }
.formers-patches [role='gridcell'] {
  cursor: pointer; outline-offset: -2px; transition: background-color 120ms;
  background: color-mix(in oklch, var(--formers-cold, rgb(26 18 74 / 84%)), var(--formers-hot, rgb(255 150 20 / 38%)) calc(var(--heat, 0) * 100%));
}
.formers-patches [aria-selected='true'] { outline: 3px solid var(--formers-selected, #fff); box-shadow: 0 0 0 2px #000; z-index: 1; }
.formers-patches [role='gridcell']:focus-visible { outline: 3px solid var(--formers-selected, #fff); box-shadow: 0 0 0 2px #000; z-index: 2; }
.formers-attention.formers-apart .formers-patches { gap: 3px; }
.formers-attention.formers-apart .formers-attention-stage { background: var(--formers-line, GrayText); }
.formers-attention.formers-apart [role='gridcell'] { background: none; }
.formers-attention-caption { min-height: 4.5em; margin-top: 0.75rem !important; line-height: 1.5; }
.formers-attention-controls { display: grid; gap: 1rem; }
.formers-attention-controls fieldset { min-width: 0; margin: 0; padding: 0; border: 0; }
.formers-attention-controls legend { padding: 0 0 0.35rem; color: var(--formers-ink, CanvasText); font-size: 1rem; font-weight: 600; text-align: start; }
.formers-attention-line { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; }
.formers-attention-line input[type='range'] { width: 8rem; accent-color: var(--formers-accent, auto); }
.formers-heads {
  display: grid; gap: 3px; align-items: center; overflow-x: auto; font-size: 0.75rem; text-align: center; color: var(--formers-quiet, GrayText);
  grid-template-columns: max-content repeat(var(--columns), minmax(1.5rem, 2.75rem));
}
.formers-heads > span { padding-inline-end: 0.35rem; }
.formers-heads label { position: relative; display: block; padding: 2px; border-radius: 0.3rem; line-height: 0; }
.formers-heads label:has(:checked) { outline: 3px solid var(--formers-accent, Highlight); outline-offset: -1px; }
.formers-heads label:has(:focus-visible) { box-shadow: 0 0 0 3px var(--formers-accent, Highlight); }
.formers-heads input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: pointer; }
.formers-heads canvas {
  width: 100%; border-radius: 0.2rem; image-rendering: pixelated;
  color: var(--formers-heat, rgb(255 158 44)); background: var(--formers-dark, rgb(24 20 66));
}
@media (prefers-reduced-motion: reduce) { .formers-patches [role='gridcell'] { transition: none; } }
`;
