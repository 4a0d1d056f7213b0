import type { RawImage } from '@formers/images';

import { beginningOf, type Point, type Stroke } from '../digit/strokes.ts';
import { inkDataOf } from './pixels.ts';

/** Width of a stroke, as a share of the pad's. */
const PEN_WIDTH = 0.075;

/** Height and width of the pictures that strokes become, in pixels. */
const PICTURE_SIDE = 448;

/** How long an example takes to be drawn, in milliseconds. */
const PLAYING_TIME = 450;

/** Something on the pad that isn't the visitor's own drawing; the next stroke replaces it. */
type Guest = { readonly picture: RawImage } | { readonly strokes: readonly Stroke[] };

/**
 * A canvas that is drawn on by mouse, finger or pen, shows examples and pictures, and tells of each change. It draws in the text colour of its element.
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

  /** Draws everything again, in the colour that the element has now. */
  repaint(): void {
    this.#render();
  }

  /** Shows a picture as large as it fits: ink, 255 on 0 with one channel, or colours. */
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
    if (this.#guest !== undefined && 'picture' in this.#guest) {
      paintImage(context, this.#guest.picture);
      if (this.#guest.picture.channels > 1) return;
    } else paintStrokes(context, this.#guest?.strokes ?? this.#strokes);
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = getComputedStyle(this.#canvas).color;
    context.fillRect(0, 0, width, width);
    context.globalCompositeOperation = 'source-over';
  }
}

/** Shows an image on a canvas, one pixel for one: ink in the text colour of its element, or colours. */
export function showImage(canvas: HTMLCanvasElement, image: RawImage | undefined): void {
  if (image !== undefined) Object.assign(canvas, { width: image.width, height: image.height });
  canvas.classList.toggle('ink', (image?.channels ?? 1) === 1);
  const context = canvas.getContext('2d');
  context?.clearRect(0, 0, canvas.width, canvas.height);
  if (image !== undefined) context?.putImageData(inkDataOf(image), 0, 0);
}

/** Strokes as a picture, for models of pictures: black on white, three channels. */
export function pictureOfStrokes(strokes: readonly Stroke[]): RawImage {
  const context = new OffscreenCanvas(PICTURE_SIDE, PICTURE_SIDE).getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('this browser gives no canvas to draw on');
  context.fillStyle = 'white';
  context.fillRect(0, 0, PICTURE_SIDE, PICTURE_SIDE);
  paintStrokes(context, strokes);
  const { data } = context.getImageData(0, 0, PICTURE_SIDE, PICTURE_SIDE);
  const rgb = new Uint8Array((data.length / 4) * 3);
  for (let pixel = 0; pixel < data.length / 4; pixel++) rgb.set(data.subarray(4 * pixel, 4 * pixel + 3), 3 * pixel);
  return { data: rgb, width: PICTURE_SIDE, height: PICTURE_SIDE, channels: 3 };
}

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

function paintStrokes(context: Context, strokes: readonly Stroke[]): void {
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

function paintImage(context: CanvasRenderingContext2D, image: RawImage): void {
  const { width: side } = context.canvas;
  const source = new OffscreenCanvas(image.width, image.height);
  source.getContext('2d')?.putImageData(inkDataOf(image), 0, 0);
  const scale = side / Math.max(image.width, image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  context.drawImage(source, (side - width) / 2, (side - height) / 2, width, height);
}
