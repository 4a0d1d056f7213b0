/** Styles of a line chart; all colours come from variables. */
export const LINE_CHART_STYLES = `
.formers-chart { margin: 0; color: var(--formers-ink, CanvasText); font-size: 0.875rem; }
.formers-chart figcaption { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; font-weight: 600; }
.formers-chart-readout { margin-inline-start: auto; font-weight: 400; font-variant-numeric: tabular-nums; color: var(--formers-quiet, GrayText); }
.formers-chart-plot { position: relative; height: var(--formers-chart-height, 11rem); }
.formers-chart-plot:has(:focus-visible) { outline: 3px solid var(--formers-accent, Highlight); outline-offset: 2px; border-radius: 0.25rem; }
.formers-chart svg { display: block; width: 100%; height: 100%; overflow: visible; }
.formers-chart text { fill: var(--formers-quiet, GrayText); font-size: 0.75rem; font-variant-numeric: tabular-nums; }
.formers-chart-grid { stroke: var(--formers-line, color-mix(in srgb, currentcolor 20%, transparent)); stroke-width: 1; }
.formers-chart-line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.formers-chart-cursor { stroke: var(--formers-quiet, GrayText); stroke-width: 1; stroke-dasharray: 3 3; }
.formers-chart-range { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: crosshair; }
.formers-chart-legend { display: flex; flex-wrap: wrap; gap: 0 1rem; margin: 0; padding: 0; list-style: none; }
.formers-chart-legend svg { display: inline-block; width: 1.5rem; height: 0.6rem; margin-inline-end: 0.35rem; }
.formers-series-0 { stroke: var(--formers-series-1, #4338ca); }
.formers-series-1 { stroke: var(--formers-series-2, #b45309); stroke-dasharray: 6 4; }
.formers-series-2 { stroke: var(--formers-series-3, #0f766e); stroke-dasharray: 2 4; }
.formers-series-3 { stroke: var(--formers-series-4, #be185d); stroke-dasharray: 8 3 2 3; }
`;
