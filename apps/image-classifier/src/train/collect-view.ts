import { messageOf } from '../page/words.ts';
import { create } from '../shell/elements.ts';
import type { ClassCard } from './class-card.ts';
import { ClassList } from './class-list.ts';
import { DrawSamples } from './draw-samples.ts';
import { chosenFiles, classesOf, droppedFiles, type FoundFile, MOST_FILES } from './dropped.ts';
import { Webcam } from './webcam.ts';

/** Milliseconds between recorded frames. */
const RECORD_EVERY = 120;

/** Where samples come from: classes as cards, the camera, a pad, files and folders. */
export class CollectView {
  readonly root: HTMLElement;
  readonly classes: ClassList;
  readonly #say: (message: string) => void;
  readonly #draw = new DrawSamples();
  readonly #webcam: Webcam;
  readonly #camera: HTMLElement;

  /** @param say Shows a message; an empty one clears it. */
  constructor(say: (message: string) => void) {
    this.#say = say;
    const list = create('ul', { class: 'train-cards', 'aria-label': 'Classes' });
    this.classes = new ClassList(list, {
      record: (card) => this.#record(card),
      draw: (card) => this.#draw.open(card),
      changed: () => say(''),
      complain: say,
    });
    const video = create('video', { playsinline: '', 'aria-label': 'What the camera sees' });
    video.muted = true;
    this.#webcam = new Webcam(video);
    const off = create('button', { type: 'button' }, 'Turn the camera off');
    off.addEventListener('click', () => this.rest());
    this.#camera = create('div', { class: 'train-camera', hidden: '' }, video, off);
    const add = create('button', { type: 'button' }, 'Add a class');
    add.addEventListener('click', () => this.classes.add().focus());
    const buttons = create('div', { class: 'train-buttons' }, add, this.#folderButton());
    this.root = create('div', { class: 'train-collect' }, list, buttons, this.#camera, this.#draw.root);
  }

  /** Takes what is dropped on an element; on a card it is of that class. */
  acceptDrops(host: HTMLElement): void {
    const hold = (event: DragEvent, isAbove: boolean): void => {
      event.preventDefault();
      event.stopPropagation(); // the page itself takes pictures to classify
      host.classList.toggle('train-dropping', isAbove);
    };
    host.addEventListener('dragover', (event) => hold(event, true));
    host.addEventListener('dragleave', (event) =>
      hold(event, event.relatedTarget instanceof Node && host.contains(event.relatedTarget)),
    );
    host.addEventListener('drop', (event) => {
      hold(event, false);
      if (event.dataTransfer) void this.#add(droppedFiles(event.dataTransfer), this.classes.cardAt(event.target));
    });
  }

  /** Turns the camera off and puts the pad away. */
  rest(): void {
    this.#webcam.stop();
    this.#camera.hidden = true;
    this.#draw.close();
  }

  /** While a training runs, its samples stay as they are. */
  set isDisabled(isDisabled: boolean) {
    for (const control of this.root.querySelectorAll<HTMLInputElement | HTMLButtonElement>('input, button'))
      control.disabled = isDisabled;
  }

  #folderButton(): HTMLElement {
    const input = create('input', { type: 'file', webkitdirectory: '' });
    input.setAttribute('aria-label', 'Open a folder with one sub-folder per class');
    input.addEventListener('change', () => {
      void this.#add(Promise.resolve(chosenFiles(input.files ?? [])));
      input.value = ''; // so that the same folder can be chosen again
    });
    return create('label', { class: 'button' }, input, 'Open a folder');
  }

  async #add(finding: Promise<FoundFile[]>, card?: ClassCard): Promise<void> {
    try {
      const found = await finding;
      if (found.length > MOST_FILES) throw new Error(`more than ${MOST_FILES} files at once are too many`);
      if (found.some(({ file }) => file.name === 'config.json'))
        throw new Error('that is a model; drop it on another tab, such as Classify, to load it');
      const { classes, loose } = classesOf(found);
      if (classes.length + loose.length === 0)
        throw new Error('there are no images in it: PNG, JPEG, GIF, WebP and BMP files are');
      if (card) return await card.add([...loose, ...classes.flatMap(({ samples }) => samples)]);
      await this.classes.merge(classes);
      if (loose.length > 0)
        this.#say(
          `${loose.length} of the images are in no folder of a class; drop them on the class that they are of.`,
        );
    } catch (error) {
      this.#say(messageOf(error));
    }
  }

  /** Adds frames of the camera to a class, until what it returns is called. */
  #record(card: ClassCard): () => void {
    let isOver = false;
    const record = async (): Promise<void> => {
      await this.#webcam.start();
      this.#camera.hidden = false;
      do {
        // One at least, however short it is held; and one at a time, however long a slow device takes for it.
        const pause = new Promise((resolve) => setTimeout(resolve, RECORD_EVERY));
        await card.add([await this.#webcam.frame()]);
        await pause;
      } while (!isOver && this.#webcam.isOn);
    };
    record().catch((error: unknown) => this.#say(messageOf(error)));
    return () => {
      isOver = true;
    };
  }
}
