import { create } from '../shell/elements.ts';
import type { Shell } from '../shell/shell.ts';
import { percent } from '../page/words.ts';
import { ClassList } from './class-list.ts';
import type { ClassCard } from './class-card.ts';
import { DrawSamples } from './draw-samples.ts';
import { chosenFiles, classesOf, droppedFiles, type FoundFile, MOST_FILES } from './dropped.ts';
import type { TrainEnd, TrainJob } from './protocol.ts';
import { drawReadyMade, READY_MADE, type ReadyMade } from './ready-made.ts';
import { problemWith } from './recipe.ts';
import { RunView } from './run-view.ts';
import { type SessionEvent, TrainSession } from './session.ts';
import { SetupForm } from './setup-form.ts';
import { Webcam } from './webcam.ts';

/** Milliseconds between recorded frames. */
const RECORD_EVERY = 120;

/** Where a training stands, as the panel shows it in `data-state`. */
type State = 'idle' | 'training' | 'paused' | 'ended' | 'failed';

/** Puts the panel that trains into a section of the page: samples of classes, what learns, and how it goes. */
export function mountTrainPanel(host: HTMLElement, shell: Shell): void {
  new TrainPanel(host, shell);
}

class TrainPanel {
  readonly #host: HTMLElement;
  readonly #shell: Shell;
  readonly #classes: ClassList;
  readonly #setup: SetupForm;
  readonly #run = new RunView();
  readonly #draw = new DrawSamples();
  readonly #webcam: Webcam;
  readonly #camera: HTMLElement;
  readonly #message: HTMLElement;
  readonly #status: HTMLElement;
  readonly #buttons: Readonly<Record<'start' | 'pause' | 'stop' | 'goOn' | 'use' | 'download', HTMLButtonElement>>;
  #state: State = 'idle';
  #session: TrainSession | undefined;
  #job: TrainJob | undefined;
  /** Whether there is a trained model that was neither downloaded nor put to use. */
  #isUnsaved = false;

  constructor(host: HTMLElement, shell: Shell) {
    this.#host = host;
    this.#shell = shell;
    this.#message = create('p', { class: 'message train-message', role: 'alert' });
    this.#status = create('p', { class: 'hidden', role: 'status' });
    const list = create('ul', { class: 'train-cards', 'aria-label': 'Classes' });
    this.#classes = new ClassList(list, {
      record: (card) => this.#record(card),
      draw: (card) => this.#draw.open(card),
      changed: () => this.#say(''),
      complain: (message) => this.#say(message),
    });
    this.#setup = new SetupForm(shell);
    const video = create('video', { playsinline: '', 'aria-label': 'What the camera sees' });
    video.muted = true;
    this.#webcam = new Webcam(video);
    const off = button('Turn the camera off');
    this.#camera = create('div', { class: 'train-camera', hidden: '' }, video, off);
    off.addEventListener('click', () => this.#cameraOff());
    this.#buttons = {
      start: button('Start training', 'primary'),
      pause: button('Pause'),
      stop: button('Stop'),
      goOn: button('Go on'),
      use: button('Use it in Classify', 'primary'),
      download: button('Download (zip)'),
    };
    const { start, pause, stop, goOn, use, download } = this.#buttons;
    start.addEventListener('click', () => void this.#start());
    pause.addEventListener('click', () => this.#togglePause());
    stop.addEventListener('click', () => this.#stop());
    goOn.addEventListener('click', () => void this.#train({ ...this.#lastJob(), snapshot: this.#session?.snapshot }));
    use.addEventListener('click', () => void this.#use());
    download.addEventListener('click', () => void this.#download());

    const add = button('Add a class');
    add.addEventListener('click', () => this.#classes.add().focus());
    host.classList.add('train');
    host.append(
      create('p', { class: 'train-lead' }, 'Teach it your own classes: a few images of each are enough to begin. They stay in this tab.'),
      this.#readyMade(),
      this.#message,
      create(
        'div',
        { class: 'train-columns' },
        create(
          'section',
          { class: 'card', 'aria-labelledby': 'train-images' },
          create('h2', { id: 'train-images' }, '1. Images'),
          create('p', { class: 'train-note' }, 'Record, draw or open images of each class, or drop a folder with one sub-folder per class here.'),
          list,
          create('div', { class: 'train-buttons' }, add, this.#folderButton()),
          this.#camera,
          this.#draw.root,
        ),
        create(
          'section',
          { class: 'card', 'aria-labelledby': 'train-learn' },
          create('h2', { id: 'train-learn' }, '2. Learning'),
          this.#setup.root,
          create('div', { class: 'train-buttons' }, start, pause, stop, goOn),
          this.#run.root,
          create('div', { class: 'train-buttons train-result' }, use, download),
        ),
      ),
      this.#status,
    );
    this.#acceptDrops();
    addEventListener('beforeunload', (event) => {
      if (this.#state === 'training' || this.#state === 'paused' || this.#isUnsaved) event.preventDefault();
    });
    this.#show('idle');
  }

  #readyMade(): HTMLElement {
    const choices = Object.entries(READY_MADE).map(([name, { title }]) => {
      const choice = button(`Train on ${title.toLowerCase()}`);
      choice.addEventListener('click', () => void this.#try(name as ReadyMade));
      return choice;
    });
    return create('div', { class: 'train-try' }, create('span', {}, 'No images at hand?'), ...choices);
  }

  #folderButton(): HTMLElement {
    const input = create('input', { type: 'file', webkitdirectory: '', 'aria-label': 'Open a folder with one sub-folder per class' });
    input.addEventListener('change', () => {
      void this.#addFound(Promise.resolve(chosenFiles(input.files ?? [])));
      input.value = '';
    });
    return create('label', { class: 'button' }, input, 'Open a folder');
  }

  /** Drops in the panel are images; those on a card are of its class. */
  #acceptDrops(): void {
    this.#host.addEventListener('dragover', (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.#host.classList.add('train-dropping');
    });
    this.#host.addEventListener('dragleave', ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Node && this.#host.contains(relatedTarget))) this.#host.classList.remove('train-dropping');
    });
    this.#host.addEventListener('drop', (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.#host.classList.remove('train-dropping');
      const card = this.#classes.cardAt(event.target);
      if (event.dataTransfer) void this.#addFound(droppedFiles(event.dataTransfer), card);
    });
  }

  async #addFound(finding: Promise<FoundFile[]>, card?: ClassCard): Promise<void> {
    try {
      const found = await finding;
      if (found.length > MOST_FILES) throw new Error(`More than ${MOST_FILES} files at once are too many.`);
      if (found.some(({ file }) => file.name === 'config.json'))
        throw new Error('That is a model. Drop it on another tab, such as Classify, to load it.');
      const { classes, loose } = classesOf(found);
      if (classes.length === 0 && loose.length === 0) throw new Error('There are no images: PNG, JPEG, GIF, WebP or BMP files are read.');
      if (card) return await card.add([...loose, ...classes.flatMap(({ samples }) => samples)]);
      if (loose.length > 0) this.#say(`${loose.length} images lie in no folder of a class; drop them on the class that they are of.`);
      await this.#classes.merge(classes);
    } catch (error) {
      this.#say(messageOf(error));
    }
  }

  #record(card: ClassCard): () => void {
    let timer: ReturnType<typeof setInterval> | undefined;
    let isOver = false;
    const take = async (): Promise<void> => card.add([await this.#webcam.frame()]);
    const begin = async (): Promise<void> => {
      try {
        if (!this.#webcam.isOn) {
          await this.#webcam.start();
          this.#camera.hidden = false;
        }
        await take(); // one at least, however short it is held
        if (!isOver) timer = setInterval(() => void take(), RECORD_EVERY);
      } catch (error) {
        this.#say(messageOf(error));
      }
    };
    void begin();
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }

  #cameraOff(): void {
    this.#webcam.stop();
    this.#camera.hidden = true;
  }

  async #try(name: ReadyMade): Promise<void> {
    if (!this.#classes.isEmpty && !confirm('Your classes and images will be replaced. Go on?')) return;
    this.#show('training');
    this.#run.say(`Drawing ${READY_MADE[name].title.toLowerCase()}`);
    await this.#classes.replace(await drawReadyMade(name, { seed: 1 }));
    this.#setup.choose('scratch');
    this.#show('idle');
    await this.#start();
  }

  async #start(): Promise<void> {
    const job = {
      engine: this.#shell.engine,
      classes: this.#classes.value,
      beginning: this.#setup.beginning,
      settings: this.#setup.settings,
      snapshot: undefined,
    };
    const problem = problemWith(job.classes, job.settings);
    if (problem !== undefined) return this.#say(problem);
    if (this.#isUnsaved && !confirm('The model that was trained before will be lost. Go on?')) return;
    this.#run.begin({ steps: job.settings.steps, labels: job.classes.map(({ label }) => label) });
    await this.#train(job);
  }

  async #train(job: TrainJob): Promise<void> {
    this.#session?.[Symbol.dispose]();
    this.#job = job;
    this.#isUnsaved = false;
    this.#say('');
    this.#cameraOff();
    this.#draw.close();
    this.#show('training');
    this.#tellStatus('Training has started');
    const session = new TrainSession(job, (event) => this.#listen(event));
    this.#session = session;
    const end = await session.run();
    if (this.#session === session) this.#ended(end);
  }

  #lastJob(): TrainJob {
    if (!this.#job) throw new Error('nothing was trained');
    return this.#job;
  }

  #listen(event: SessionEvent): void {
    if (event.type === 'restarted')
      return this.#say(`The worker was lost (${event.message}). Another one went on from step ${event.step}.`);
    if (event.type === 'started') this.#host.dataset['engine'] = event.engine.name;
    this.#run.tell(event);
  }

  #ended(end: TrainEnd): void {
    if (end.reason === 'failed') {
      const { snapshot } = this.#session ?? {};
      this.#show('failed');
      this.#run.say(snapshot ? `Failed; kept until step ${snapshot.step}` : 'Failed');
      return this.#say(explain(end));
    }
    const hasModel = end.reason !== 'cancelled' && end.step > 0;
    this.#isUnsaved = hasModel;
    this.#show(hasModel ? 'ended' : 'idle');
    const accuracy = this.#run.accuracy;
    const words = end.reason === 'completed' ? 'Trained' : 'Stopped';
    const text = hasModel ? `${words} after ${end.step} steps${accuracy === undefined ? '' : `: accuracy ${percent(accuracy)}`}` : 'Stopped before the first step';
    this.#run.say(text);
    this.#tellStatus(text);
  }

  #togglePause(): void {
    const isPaused = this.#state === 'paused';
    if (isPaused) this.#session?.resume();
    else this.#session?.pause();
    this.#show(isPaused ? 'training' : 'paused');
    this.#tellStatus(isPaused ? 'Training goes on' : 'Training is paused');
  }

  #stop(): void {
    this.#run.say('Stopping');
    this.#session?.stop();
  }

  async #use(): Promise<void> {
    await this.#withModel(async (session) => {
      const files = new Map([...(await session.files())].map(([name, bytes]) => [name, new Blob([Uint8Array.from(bytes)])]));
      await this.#shell.useModel({ name: 'your model', location: files });
      this.#shell.showTab('classify');
    });
  }

  async #download(): Promise<void> {
    await this.#withModel(async (session) => {
      const url = URL.createObjectURL(new Blob([Uint8Array.from(await session.zip())], { type: 'application/zip' }));
      const link = create('a', { href: url, download: 'trained-here.zip' });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      this.#isUnsaved = false;
    });
  }

  async #withModel(work: (session: TrainSession) => Promise<void>): Promise<void> {
    if (!this.#session) return;
    try {
      await work(this.#session);
    } catch (error) {
      this.#say(messageOf(error));
    }
  }

  #show(state: State): void {
    this.#state = state;
    this.#host.dataset['state'] = state;
    const isBusy = state === 'training' || state === 'paused';
    const { start, pause, stop, goOn, use, download } = this.#buttons;
    start.hidden = isBusy;
    start.textContent = state === 'idle' ? 'Start training' : 'Train anew';
    pause.hidden = !isBusy;
    pause.textContent = state === 'paused' ? 'Resume' : 'Pause';
    stop.hidden = !isBusy;
    goOn.hidden = !(state === 'failed' && this.#session?.snapshot);
    use.hidden = state !== 'ended';
    download.hidden = state !== 'ended';
    this.#setup.isDisabled = isBusy;
    this.#classes.isDisabled = isBusy;
    for (const each of this.#host.querySelectorAll<HTMLButtonElement>('.train-try button')) each.disabled = isBusy;
  }

  #say(message: string): void {
    this.#message.textContent = message;
  }

  #tellStatus(text: string): void {
    this.#status.textContent = text;
  }
}

function button(text: string, kind?: string): HTMLButtonElement {
  return create('button', { type: 'button', ...(kind !== undefined && { class: kind }) }, text);
}

/** A failure in the words of the page. */
function explain({ code, message }: Extract<TrainEnd, { reason: 'failed' }>): string {
  const text = message.replace(/^\w+(\.\w+)?: /, '');
  if (/out of memory/i.test(message) || code === 'crashed')
    return `The worker that trains is lost, or its memory is full: ${text}. Fewer images per step, or a smaller model, need less.`;
  if (code === 'not-finite') return 'The loss became infinite; a smaller learning rate helps.';
  if (code === 'device-lost') return `The graphics device was lost: ${text}`;
  return text;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
