import { html } from '../page/elements.ts';
import { adoptStyles } from '../page/styles.ts';
import { type AttentionMaps, attentionOf, type HeadChoice, type HeadFusion } from './attention-maps.ts';
import { ATTENTION_VIEW_STYLES } from './attention-view-styles.ts';
import { HeadList } from './head-list.ts';
import { PatchGrid } from './patch-grid.ts';
import { RolloutControls } from './rollout-controls.ts';
import { mixedLayers, rolloutOf } from './rollout.ts';

/** What an {@link AttentionView} shows. */
export interface AttentionContent {
  readonly maps: AttentionMaps;
  /** How the patches lie in the image. They are the last tokens, row after row; those before, such as the class token, stand for no patch. */
  readonly grid: readonly [rows: number, columns: number];
  /** The image as the model got it. */
  readonly image: ImageData;
}

/** Names of the tokens before the patches, for a ViT or DeiT. */
const PREFIX_NAMES = ['class token', 'distillation token'];

/**
 * Where a Vision Transformer looks: an image under a heat map of attention, of each head of each layer or rolled out over all layers. Hover a patch, or walk
 * there by arrow keys, to see what that one attends to.
 *
 * @example
 * const view = new AttentionView(host);
 * view.show({ maps, grid: [14, 14], image });
 */
export class AttentionView implements Disposable {
  readonly #root: HTMLElement;
  readonly #canvas = html('canvas', { role: 'img', 'aria-label': 'The image as the model gets it' });
  readonly #stage = html('div', { class: 'formers-attention-stage' }, this.#canvas);
  readonly #caption = html('p', { class: 'formers-attention-caption' });
  readonly #controls = html('div', { class: 'formers-attention-controls' });
  readonly #rollout: RolloutControls;
  #content: AttentionContent | undefined;
  #grid: PatchGrid | undefined;
  #heads: HeadList | undefined;
  #shape = '';
  #layers: readonly Float64Array[] = [];
  /** The head that is shown; undefined for rollout. */
  #choice: HeadChoice | undefined;
  /** The token that looks, from the first one; and the patch under the pointer, which goes first. */
  #token = 0;
  #lookedAt: number | undefined;

  /** @param host Gets the view as its last child. */
  constructor(host: Element) {
    adoptStyles(host, ATTENTION_VIEW_STYLES);
    this.#rollout = new RolloutControls({
      onRollout: () => this.#choose(undefined),
      onApart: (isApart) => {
        this.#root.classList.toggle('formers-apart', isApart);
        this.#paintImage();
      },
    });
    this.#controls.append(this.#rollout.element);
    const figure = html('div', {}, this.#stage, this.#caption);
    this.#root = html('div', { class: 'formers-attention' }, figure, this.#controls);
    host.append(this.#root);
  }

  /** Shows an image and its attention. What was chosen stays where it still fits. */
  show(content: AttentionContent): void {
    this.#content = content;
    this.#layers = [];
    const { maps, grid } = content;
    const shape = [maps.numLayers, maps.numHeads, maps.numTokens, ...grid].join();
    if (shape !== this.#shape) this.#rebuild(content);
    this.#shape = shape;
    this.#paintImage();
    this.repaint();
  }

  /** What is shown: of each patch, row after row, the share of the attention of the token that looks. */
  get shares(): Float64Array {
    return this.#sharesOf(this.#choice);
  }

  /** Paints again, after colours of the page have changed. */
  repaint(): void {
    this.#heads?.paint((choice) => this.#sharesOf(choice));
    this.#paintHeat();
  }

  /** Takes the view off the page. */
  [Symbol.dispose](): void {
    this.#root.remove();
  }

  #rebuild({ maps, grid }: AttentionContent): void {
    this.#token = 0;
    this.#choice = undefined;
    this.#lookedAt = undefined;
    this.#grid?.element.remove();
    this.#heads?.element.remove();
    this.#grid = new PatchGrid(grid, {
      onLook: (patch) => this.#look(patch),
      onChoose: (patch) => this.#pin(patch),
    });
    this.#heads = new HeadList(
      { ...maps, grid },
      { name: `formers-head-${++lists}`, onChoose: (choice) => this.#choose(choice) },
    );
    this.#stage.append(this.#grid.element);
    this.#controls.append(this.#heads.element);
    this.#rollout.choose(true);
  }

  get #numPrefix(): number {
    const { maps, grid } = this.#content ?? { maps: { numTokens: 0 }, grid: [0, 0] };
    return maps.numTokens - (grid[0] ?? 0) * (grid[1] ?? 0);
  }

  get #looking(): number {
    return this.#lookedAt === undefined ? this.#token : this.#numPrefix + this.#lookedAt;
  }

  /** Of each patch, the share of the attention of the token that looks; [patches] */
  #sharesOf(choice: HeadChoice | undefined): Float64Array {
    if (!this.#content) return new Float64Array();
    const { maps } = this.#content;
    if (choice) return attentionOf(maps, { ...choice, token: this.#looking }).subarray(this.#numPrefix);
    if (this.#layers.length === 0) this.#layers = mixedLayers(maps, this.#rollout.options);
    return rolloutOf(this.#layers, this.#looking).subarray(this.#numPrefix);
  }

  #choose(choice: HeadChoice | undefined): void {
    this.#choice = choice;
    this.#layers = [];
    this.#rollout.choose(choice === undefined);
    this.#heads?.choose(choice);
    this.#paintHeat();
  }

  #look(patch: number | undefined): void {
    if (patch === this.#lookedAt) return;
    this.#lookedAt = patch;
    this.#paintHeat();
  }

  /** Lets a patch look until another one is chosen; the same one again, or none, gives the class token back. */
  #pin(patch: number | undefined): void {
    const token = patch === undefined ? 0 : this.#numPrefix + patch;
    this.#token = token === this.#token ? 0 : token;
    this.#lookedAt = undefined;
    this.repaint();
  }

  #paintHeat(): void {
    if (!this.#content) return;
    const shares = this.shares;
    const source = this.#looking - this.#numPrefix;
    this.#grid?.show(shares, source < 0 ? undefined : source);
    this.#caption.textContent = this.#sentence(shares);
  }

  #sentence(shares: Float64Array): string {
    const [, columns] = this.#content?.grid ?? [0, 1];
    const placeOf = (patch: number): string =>
      `row ${Math.floor(patch / columns) + 1}, column ${(patch % columns) + 1}`;
    const looking = this.#looking;
    const isPrefix = looking < this.#numPrefix;
    const who = isPrefix
      ? `The ${PREFIX_NAMES[looking] ?? 'first token'}`
      : `The patch in ${placeOf(looking - this.#numPrefix)}`;
    const most = shares.indexOf(Math.max(...shares));
    const percent = ((shares[most] ?? 0) * 100).toFixed(1);
    const where = this.#choice ? nameOf(this.#choice) : 'all layers together';
    const does = this.#choice ? 'attends most to' : 'drew most from';
    return `${who}${isPrefix && looking === 0 ? ', which decides,' : ''} ${does} ${placeOf(most)}: ${percent} % (${where}).`;
  }

  /** The image; with the patches apart, each drawn on its own. */
  #paintImage(): void {
    if (!this.#content) return;
    const { image, grid } = this.#content;
    const isApart = this.#root.classList.contains('formers-apart');
    const source = new OffscreenCanvas(image.width, image.height);
    source.getContext('2d')?.putImageData(image, 0, 0);
    const side = Math.max(image.width, image.height);
    const zoom = isApart ? Math.ceil(640 / side) : 1;
    Object.assign(this.#canvas, { width: image.width * zoom, height: image.height * zoom });
    this.#canvas.classList.toggle('formers-small', side < 112);
    this.#stage.style.setProperty('--aspect', `${image.width} / ${image.height}`);
    const context = this.#canvas.getContext('2d');
    if (!context) return;
    context.imageSmoothingEnabled = side >= 112;
    if (isApart) paintApart(context, source, grid);
    else context.drawImage(source, 0, 0);
  }
}

/** So that each list of heads has a name of its own. */
let lists = 0;

function nameOf({ layer, head }: HeadChoice): string {
  const heads: Readonly<Record<HeadFusion, string>> = {
    mean: 'mean of its heads',
    max: 'most of its heads',
    min: 'least of its heads',
  };
  return `layer ${layer + 1}, ${typeof head === 'number' ? `head ${head + 1}` : heads[head]}`;
}

function paintApart(
  context: CanvasRenderingContext2D,
  source: OffscreenCanvas,
  [rows, columns]: readonly [number, number],
): void {
  const { width, height } = context.canvas;
  const gap = width / columns / 14;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const [w, h] = [source.width / columns, source.height / rows];
      const [x, y] = [(column * width) / columns, (row * height) / rows];
      context.drawImage(
        source,
        column * w,
        row * h,
        w,
        h,
        x + gap,
        y + gap,
        width / columns - 2 * gap,
        height / rows - 2 * gap,
      );
    }
}
