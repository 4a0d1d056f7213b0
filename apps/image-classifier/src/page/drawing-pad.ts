import type { RawImage } from '@formers/images';

import { beginningOf, type Point, type Stroke } from '../digit/strokes.ts';

/** Width of a stroke, as a share of the pad's. */
const PEN_WIDTH = 0.075;

/** How long an example takes to be drawn, in milliseconds. */
const PLAYING_TIME = 450;

/** Something on the pad that isn't the visitor's own drawing; the next stroke replaces it. */
type Guest = { readonly picture: RawImage } | { readonly strokes: readonly Stroke[] };

/**
 * A canvas that is drawn on by mouse, finger or pen, shows examples and pictures, and tells of each change. It draws in the text colour of its element,
 * and follows when that changes with the colour scheme.
 */
export class DrawingPad {
  readonly #canvas: HTMLCanvasElement;
  readonly #onDraw: (strokes: readonly Stroke[]) => void;
  #strokes: Point[][] = [];
  #guest: Guest | undefined;
  #frame = 0;

  /** @param onDraw Called with all strokes after each change that the pen or an example makes. */
  constructor(canvas: HTMLCanvasElement, onDraw: (strokes: readonly Stroke[]) => void) {
    this.#canvas = canvas;
    this.#onDraw = onDraw;
    canvas.addEventListener('pointerdown', (event) => this.#putDown(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#render());
  }

  get isEmpty(): boolean {
    return this.#guest === undefined && this.#strokes.length === 0;
  }

  clear(): void {
    this.#reset();
    this.#render();
  }

  /** Draws an example: stroke after stroke, or at once where `animate` is false. */
  play(strokes: readonly Stroke[], { animate }: { animate: boolean }): void {
    this.#reset();
    const start = performance.now();
    const draw = (): void => {
      const share = animate ? Math.min(1, (performance.now() - start) / PLAYING_TIME) : 1;
      const drawn = beginningOf(strokes, share);
      this.#guest = { strokes: drawn };
      this.#render();
      this.#onDraw(drawn);
      if (share < 1) this.#frame = requestAnimationFrame(draw);
    };
    draw();
  }

  /** Shows ink, 255 on 0 with one channel, as large as it fits. */
  showPicture(picture: RawImage): void {
    this.#reset();
    this.#guest = { picture };
    this.#render();
  }

  #reset(): void {
    cancelAnimationFrame(this.#frame);
    this.#strokes = [];
    this.#guest = undefined;
  }

  #putDown(event: PointerEvent): void {
    if (event.button !== 0 || !event.isPrimary) return;
    event.preventDefault(); // no selection of text beside the pad
    this.#canvas.setPointerCapture(event.pointerId);
    if (this.#guest !== undefined) this.#reset();
    this.#strokes.push([this.#pointOf(event)]);
    this.#changed();
  }

  #move(event: PointerEvent): void {
    const stroke = this.#strokes.at(-1);
    if (stroke === undefined || !event.isPrimary || !this.#canvas.hasPointerCapture(event.pointerId)) return;
    const steps = event.getCoalescedEvents?.() ?? [];
    stroke.push(...(steps.length > 0 ? steps : [event]).map((step) => this.#pointOf(step)));
    this.#changed();
  }

  #changed(): void {
    this.#render();
    this.#onDraw(this.#strokes);
  }

  #pointOf({ clientX, clientY }: PointerEvent): Point {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const inside = (share: number): number => Math.min(1, Math.max(0, share));
    return [inside((clientX - left) / width), inside((clientY - top) / height)];
  }

  #render(): void {
    const context = this.#canvas.getContext('2d');
    if (context === null) return;
    const { width } = this.#canvas;
    context.clearRect(0, 0, width, width);
    if (this.#guest !== undefined && 'picture' in this.#guest) paintInk(context, this.#guest.picture);
    else paintStrokes(context, this.#guest?.strokes ?? this.#strokes);
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = getComputedStyle(this.#canvas).color;
    context.fillRect(0, 0, width, width);
    context.globalCompositeOperation = 'source-over';
  }
}

/** Shows ink of any size on a canvas of its own, one pixel for one, in the text colour of its element. */
export function showInk(canvas: HTMLCanvasElement, ink: RawImage | undefined): void {
  const context = canvas.getContext('2d');
  context?.clearRect(0, 0, canvas.width, canvas.height);
  if (ink !== undefined) context?.putImageData(inkPixels(ink), 0, 0);
}

function paintStrokes(context: CanvasRenderingContext2D, strokes: readonly Stroke[]): void {
  const { width } = context.canvas;
  context.lineWidth = PEN_WIDTH * width;
  context.lineCap = 'round';
  context.lineJoin = 'round';
  for (const stroke of strokes) {
    const [first] = stroke;
    if (first === undefined) continue;
    context.beginPath();
    context.moveTo(first[0] * width, first[1] * width);
    for (const [x, y] of stroke) context.lineTo(x * width, y * width);
    context.stroke();
  }
}

function paintInk(context: CanvasRenderingContext2D, ink: RawImage): void {
  const { width: side } = context.canvas;
  const source = new OffscreenCanvas(ink.width, ink.height);
  source.getContext('2d')?.putImageData(inkPixels(ink), 0, 0);
  const scale = side / Math.max(ink.width, ink.height);
  const [width, height] = [ink.width * scale, ink.height * scale];
  context.drawImage(source, (side - width) / 2, (side - height) / 2, width, height);
}

/** Black, as opaque as there is ink. */
function inkPixels({ data, width, height }: RawImage): ImageData {
  const pixels = new ImageData(width, height);
  data.forEach((level, i) => (pixels.data[4 * i + 3] = level));
  return pixels;
}
