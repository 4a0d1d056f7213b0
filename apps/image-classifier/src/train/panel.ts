import { messageOf, percent } from '../page/words.ts';
import { create } from '../shell/elements.ts';
import type { Shell } from '../shell/shell.ts';
import { CollectView } from './collect-view.ts';
import { explain } from './explain.ts';
import type { TrainEnd, TrainJob } from './protocol.ts';
import { drawReadyMade, READY_MADE, type ReadyMade } from './ready-made.ts';
import { problemWith } from './recipe.ts';
import { RunView } from './run-view.ts';
import { type SessionEvent, TrainSession } from './session.ts';
import { SetupForm } from './setup-form.ts';

/** Where a training stands, as the panel says in `data-state`. */
type State = 'idle' | 'training' | 'paused' | 'ended' | 'failed';

/** The panel that trains, in a section of the page: samples of classes, what learns, and how it goes. */
export class TrainPanel {
  readonly #host: HTMLElement;
  readonly #shell: Shell;
  readonly #collect: CollectView;
  readonly #setup: SetupForm;
  readonly #run = new RunView();
  readonly #message = create('p', { class: 'message train-message', role: 'alert' });
  readonly #status = create('p', { class: 'hidden', role: 'status' });
  readonly #readyMade = create('div', { class: 'train-try' }, create('span', {}, 'No images at hand?'));
  readonly #buttons = {
    use: button('Use it in Classify', 'primary'),
    download: button('Download (zip)'),
    goOn: button('Go on', 'primary'),
    start: button('Start training', 'primary'),
    pause: button('Pause'),
    stop: button('Stop'),
  } as const;
  #state: State = 'idle';
  #session: TrainSession | undefined;
  #job: TrainJob | undefined;
  /** Whether there is a trained model that was not downloaded. */
  #isUnsaved = false;

  constructor(host: HTMLElement, shell: Shell) {
    this.#host = host;
    this.#shell = shell;
    this.#collect = new CollectView((message) => this.#say(message));
    this.#setup = new SetupForm(shell);
    this.#listenToButtons();
    this.#layOut();
    this.#collect.acceptDrops(host);
    addEventListener('beforeunload', (event) => {
      if (this.#isBusy || this.#isUnsaved) event.preventDefault(); // the browser asks whether to leave
    });
    this.#show('idle');
  }

  get #isBusy(): boolean {
    return this.#state === 'training' || this.#state === 'paused';
  }

  #listenToButtons(): void {
    const { start, pause, stop, goOn, use, download } = this.#buttons;
    start.addEventListener('click', () => void this.#start());
    pause.addEventListener('click', () => this.#togglePause());
    stop.addEventListener('click', () => this.#stop());
    goOn.addEventListener('click', () => {
      if (this.#job) void this.#train({ ...this.#job, snapshot: this.#session?.snapshot });
    });
    use.addEventListener('click', () => void this.#withModel((session) => this.#use(session)));
    download.addEventListener('click', () => void this.#withModel((session) => this.#download(session)));
    for (const [name, { title }] of Object.entries(READY_MADE)) {
      const choice = button(`Train on ${title.toLowerCase()}`);
      choice.addEventListener('click', () => void this.#try(name as ReadyMade));
      this.#readyMade.append(choice);
    }
  }

  #layOut(): void {
    const { start, pause, stop, goOn, use, download } = this.#buttons;
    const lead = 'Teach it your own classes: a few images of each are enough to begin. They stay in this tab.';
    const how = 'Record, draw or open images of each class, or drop a folder with one sub-folder per class.';
    const images = [
      create('h2', { id: 'train-images' }, '1. Images'),
      create('p', { class: 'train-note' }, how),
      this.#collect.root,
    ];
    const learning = [
      create('h2', { id: 'train-learn' }, '2. Learning'),
      this.#setup.root,
      create('div', { class: 'train-buttons' }, use, download, goOn, start, pause, stop),
      this.#run.root,
    ];
    this.#host.classList.add('train');
    this.#host.append(
      create('p', { class: 'train-lead' }, lead),
      this.#readyMade,
      this.#message,
      create(
        'div',
        { class: 'train-columns' },
        create('section', { class: 'card', 'aria-labelledby': 'train-images' }, ...images),
        create('section', { class: 'card', 'aria-labelledby': 'train-learn' }, ...learning),
      ),
      this.#status,
    );
  }

  async #try(name: ReadyMade): Promise<void> {
    const { classes } = this.#collect;
    if (!classes.isEmpty && !confirm('Your classes and images will be replaced. Go on?')) return;
    await classes.replace(drawReadyMade(name, { seed: 1 }));
    this.#setup.choose('scratch');
    await this.#start();
  }

  async #start(): Promise<void> {
    const job: TrainJob = {
      engine: this.#shell.engine,
      classes: this.#collect.classes.value,
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
    this.#collect.rest();
    this.#show('training');
    this.#status.textContent = 'Training has started';
    this.#run.root.scrollIntoView({ block: 'nearest' }); // on a phone it is below the classes
    const session = new TrainSession(job, (event) => this.#listen(event));
    this.#session = session;
    const end = await session.run();
    if (this.#session === session) this.#ended(end);
  }

  #listen(event: SessionEvent): void {
    if (event.type === 'restarted')
      return this.#say(`The worker was lost (${event.message}). Another one went on from step ${event.step}.`);
    if (event.type === 'started') this.#host.dataset['engine'] = event.engine.name;
    if (event.type === 'snapshot') this.#host.dataset['kept'] = String(event.snapshot.step);
    this.#run.tell(event);
  }

  #ended(end: TrainEnd): void {
    if (end.reason === 'failed') {
      const kept = this.#session?.snapshot?.step;
      this.#show('failed');
      this.#run.say(kept === undefined ? 'Failed' : `Failed; it is kept as it was after step ${kept}`);
      return this.#say(explain(end));
    }
    const hasModel = end.reason !== 'cancelled' && end.step > 0;
    this.#isUnsaved = hasModel;
    this.#show(hasModel ? 'ended' : 'idle');
    const { accuracy } = this.#run;
    const words = `${end.reason === 'completed' ? 'Trained' : 'Stopped'} after ${end.step} steps`;
    const text = hasModel
      ? `${words}${accuracy === undefined ? '' : `, accuracy ${percent(accuracy)}`}`
      : 'Stopped before the first step';
    this.#run.say(text);
    this.#status.textContent = text;
  }

  #togglePause(): void {
    const isPaused = this.#state === 'paused';
    if (isPaused) this.#session?.resume();
    else this.#session?.pause();
    this.#show(isPaused ? 'training' : 'paused');
    this.#status.textContent = isPaused ? 'Training goes on' : 'Training is paused';
  }

  #stop(): void {
    this.#run.say('Stopping');
    this.#session?.stop();
  }

  async #use(session: TrainSession): Promise<void> {
    const files = [...(await session.files())].map(
      ([name, bytes]) => [name, new Blob([Uint8Array.from(bytes)])] as const,
    );
    await this.#shell.useModel({ name: 'Trained here', location: new Map(files) });
    this.#shell.showTab('classify');
  }

  async #download(session: TrainSession): Promise<void> {
    const url = URL.createObjectURL(new Blob([Uint8Array.from(await session.zip())], { type: 'application/zip' }));
    create('a', { href: url, download: 'trained-here.zip' }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser has begun to save it by then
    this.#isUnsaved = false;
  }

  async #withModel(work: (session: TrainSession) => Promise<void>): Promise<void> {
    try {
      if (this.#session) await work(this.#session);
    } catch (error) {
      this.#say(messageOf(error));
    }
  }

  #show(state: State): void {
    const hadFocus = this.#host.contains(document.activeElement);
    this.#state = state;
    this.#host.dataset['state'] = state;
    const isBusy = this.#isBusy;
    const { start, pause, stop, goOn, use, download } = this.#buttons;
    start.hidden = isBusy;
    start.textContent = state === 'idle' ? 'Start training' : 'Train anew';
    start.classList.toggle('primary', state !== 'ended');
    for (const each of [pause, stop]) each.hidden = !isBusy;
    pause.textContent = state === 'paused' ? 'Resume' : 'Pause';
    goOn.hidden = !(state === 'failed' && this.#session?.snapshot);
    for (const each of [use, download]) each.hidden = state !== 'ended';
    this.#setup.isDisabled = isBusy;
    this.#collect.isDisabled = isBusy;
    for (const each of this.#readyMade.querySelectorAll('button')) each.disabled = isBusy;
    if (hadFocus) this.#keepFocus();
  }

  /** A button that went away, or can't be pressed now, leaves the focus to the first one that can. */
  #keepFocus(): void {
    const { activeElement } = document;
    const isThere =
      activeElement instanceof HTMLElement && activeElement.checkVisibility() && !activeElement.matches(':disabled');
    if (isThere && this.#host.contains(activeElement)) return;
    Object.values(this.#buttons)
      .find(({ hidden }) => !hidden)
      ?.focus({ preventScroll: true });
  }

  #say(message: string): void {
    this.#message.textContent = message;
  }
}

function button(text: string, kind?: string): HTMLButtonElement {
  return create('button', { type: 'button', ...(kind !== undefined && { class: kind }) }, text);
}
