import { html, svg } from '../page/elements.ts';
import { adoptStyles } from '../page/styles.ts';
import { LINE_CHART_STYLES } from './line-chart-styles.ts';
import { Series } from './series.ts';
import { shortNumber, ticksOf } from './ticks.ts';

/** A curve of a {@link LineChart}. */
export interface CurveOptions {
  /** What `append` calls it. */
  readonly id: string;
  /** For people. */
  readonly label: string;
}

/** Options of {@link LineChart}. */
export interface LineChartOptions {
  /** What it shows, such as `Loss`. */
  readonly title: string;
  /** What x counts; default `step`. */
  readonly xLabel?: string;
  /** At most four. */
  readonly curves: readonly CurveOptions[];
  /** Ends of the y axis, where they shouldn't follow the points. */
  readonly yRange?: readonly [least: number | undefined, most: number | undefined];
  /** How values are written; default three digits. */
  readonly format?: (value: number) => string;
}

type Range = readonly [least: number, most: number];

/** Pixels beside the curves, for the numbers of the axes. */
const MARGIN = { left: 46, right: 10, top: 10, bottom: 24 } as const;

/**
 * Curves that grow while something is learned: loss, accuracy. Drawn as SVG, at most once per frame, whatever the number of points. A pointer, or the
 * arrow keys, read values; screen readers get the course of each curve as a sentence.
 *
 * @example
 * const chart = new LineChart(host, { title: 'Loss', curves: [{ id: 'train', label: 'training' }] });
 * chart.append(10, { train: 1.7 });
 */
export class LineChart implements Disposable {
  readonly #options: LineChartOptions;
  readonly #series: ReadonlyMap<string, Series>;
  readonly #figure: HTMLElement;
  readonly #picture: SVGSVGElement;
  readonly #range: HTMLInputElement;
  readonly #readout: HTMLElement;
  readonly #observer: ResizeObserver;
  #frame = 0;
  /** Where values are read; undefined for the newest. */
  #cursor: number | undefined;

  /** @param host Gets the chart as its last child. */
  constructor(host: Element, options: LineChartOptions) {
    adoptStyles(host, LINE_CHART_STYLES);
    const { title, curves } = options;
    this.#options = options;
    this.#series = new Map(curves.map(({ id }) => [id, new Series()]));
    this.#picture = svg('svg', { role: 'img' });
    this.#range = html('input', { type: 'range', class: 'formers-chart-range', 'aria-label': `Read ${title}` });
    this.#readout = html('span', { class: 'formers-chart-readout' });
    const plot = html('div', { class: 'formers-chart-plot' }, this.#picture, this.#range);
    const legend = html('ul', { class: 'formers-chart-legend' }, ...curves.map(legendItem));
    const caption = html('figcaption', {}, title, this.#readout);
    this.#figure = html('figure', { class: 'formers-chart' }, caption, plot, ...(curves.length > 1 ? [legend] : []));
    host.append(this.#figure);
    this.#range.addEventListener('input', () => this.#read(this.#range.valueAsNumber));
    this.#range.addEventListener('pointermove', ({ offsetX }) => this.#read(this.#xAt(offsetX)));
    for (const leaving of ['pointerleave', 'blur'] as const)
      this.#range.addEventListener(leaving, () => this.#read(undefined));
    this.#observer = new ResizeObserver(() => this.#refresh());
    this.#observer.observe(plot);
  }

  /** Adds a value to some of the curves. An x before the last one goes back: what came after it is dropped. */
  append(x: number, values: Readonly<Record<string, number>>): void {
    for (const [id, y] of Object.entries(values)) {
      const series = this.#series.get(id);
      if (!series)
        throw new RangeError(`LineChart.append: curves are ${[...this.#series.keys()].join(', ')}, got ${id}`);
      if (Number.isFinite(x) && Number.isFinite(y)) series.append({ x, y });
    }
    this.#refresh();
  }

  clear(): void {
    for (const series of this.#series.values()) series.clear();
    this.#read(undefined);
  }

  /** Takes the chart off the page. */
  [Symbol.dispose](): void {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.#figure.remove();
  }

  #refresh(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #read(x: number | undefined): void {
    this.#cursor = x;
    this.#refresh();
  }

  get #xRange(): Range {
    const all = [...this.#series.values()].flatMap(({ points }) => [points[0]?.x ?? [], points.at(-1)?.x ?? []].flat());
    return all.length === 0 ? [0, 1] : [Math.min(...all), Math.max(...all)];
  }

  get #yRange(): Range {
    const [least, most] = this.#options.yRange ?? [];
    let [low, high] = [Infinity, -Infinity];
    for (const { points } of this.#series.values())
      for (const { y } of points) [low, high] = [Math.min(low, y), Math.max(high, y)];
    if (low > high) [low, high] = [0, 1];
    const room = (high - low || Math.abs(high) || 1) * 0.05;
    return [least ?? low - room, most ?? high + room];
  }

  #xAt(offset: number): number {
    const [from, to] = this.#xRange;
    const share = (offset - MARGIN.left) / (this.#picture.clientWidth - MARGIN.left - MARGIN.right);
    return from + Math.min(1, Math.max(0, share)) * (to - from);
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#picture;
    if (width === 0 || height === 0) return; // not shown
    const [xRange, yRange] = [this.#xRange, this.#yRange];
    const x = scale(xRange, [MARGIN.left, width - MARGIN.right]);
    const y = scale(yRange, [height - MARGIN.bottom, MARGIN.top]);
    const { format = shortNumber, curves } = this.#options;
    const parts: SVGElement[] = [];
    for (const value of ticksOf(yRange, 4)) {
      parts.push(
        svg('path', { class: 'formers-chart-grid', d: `M${MARGIN.left} ${y(value)}H${width - MARGIN.right}` }),
      );
      parts.push(svg('text', { x: MARGIN.left - 6, y: y(value) + 4, 'text-anchor': 'end' }, format(value)));
    }
    for (const value of ticksOf(xRange, width / 110))
      parts.push(svg('text', { x: x(value), y: height - 6, 'text-anchor': 'middle' }, shortNumber(value)));
    curves.forEach(({ id }, i) => {
      const points = this.#series.get(id)?.thinned(xRange, width) ?? [];
      const d = points.map((point) => `${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`).join('L');
      if (d) parts.push(svg('path', { class: `formers-chart-line formers-series-${i}`, d: `M${d}h0` }));
    });
    if (this.#cursor !== undefined)
      parts.push(
        svg('path', {
          class: 'formers-chart-cursor',
          d: `M${x(this.#cursor)} ${MARGIN.top}V${height - MARGIN.bottom}`,
        }),
      );
    this.#picture.replaceChildren(...parts);
    this.#describe(xRange);
  }

  /** Says in words what is drawn, and what the cursor reads. */
  #describe([from, to]: Range): void {
    const { title, xLabel = 'step', curves, format = shortNumber } = this.#options;
    const courses = curves.flatMap(({ id, label }) => {
      const points = this.#series.get(id)?.points ?? [];
      const [first, last] = [points[0], points.at(-1)];
      return first && last ? [`${label} from ${format(first.y)} to ${format(last.y)}`] : [];
    });
    const course =
      courses.length > 0
        ? `${courses.join(', ')}, ${xLabel} ${shortNumber(from)} to ${shortNumber(to)}`
        : 'empty so far';
    this.#picture.setAttribute('aria-label', `${title}: ${course}`);
    const at = this.#cursor ?? to;
    const values = curves.flatMap(({ id, label }) => {
      const point = this.#series.get(id)?.at(at);
      return point ? [curves.length > 1 ? `${label} ${format(point.y)}` : format(point.y)] : [];
    });
    const words = values.length > 0 ? `${xLabel} ${shortNumber(Math.round(at))} · ${values.join(' · ')}` : '';
    this.#readout.textContent = words;
    Object.assign(this.#range, { min: String(from), max: String(to), step: String((to - from) / 100 || 1) });
    if (this.#cursor === undefined) this.#range.value = String(to);
    this.#range.setAttribute('aria-valuetext', words || 'empty so far');
  }
}

function legendItem({ label }: CurveOptions, place: number): HTMLElement {
  const line = svg('path', { class: `formers-chart-line formers-series-${place}`, d: 'M1 5H23' });
  return html('li', {}, svg('svg', { viewBox: '0 0 24 10', 'aria-hidden': 'true' }, line), label);
}

/** From values to pixels. */
function scale([from, to]: Range, [start, end]: Range): (value: number) => number {
  return (value) => (to === from ? (start + end) / 2 : start + ((value - from) / (to - from)) * (end - start));
}
