import type { Classification } from './model/image-classifier.ts';
import { keepOffline } from './offline/register.ts';
import { acceptChosen, acceptDrops } from './page/file-drop.ts';
import { describeEngine, messageOf } from './page/words.ts';
import { ClassifyPanel } from './panels/classify-panel.ts';
import { ModelPanel } from './panels/model-panel.ts';
import { WhyPanel } from './panels/why-panel.ts';
import { chooseEngine } from './shell/engine-menu.ts';
import { element } from './shell/elements.ts';
import { Session } from './shell/session.ts';
import type { Shell } from './shell/shell.ts';
import { type TabName, Tabs } from './shell/tabs.ts';
import { followTheme } from './shell/theme.ts';
import type { MemoryFigures, ModelSource } from './worker/protocol.ts';
import { mountTrainPanel } from './train/mount.ts';
import { WorkerEnded } from './worker/start-worker.ts';

/** What scripts may use of the page, as `window.formersDemo`; its browser test does. */
export interface FormersDemo {
  /** Settles when the model is loaded, or could not be. */
  readonly ready: Promise<void>;
  /** What the page's model says of a digit as MNIST has it: 28 x 28 levels from 0 (paper) to 255 (ink), row after row. */
  classify(pixels: ArrayLike<number>): Promise<Classification>;
  /** Logits of pixel values as the model takes them, [1, channels, height, width]. */
  logits(pixelValues: ArrayLike<number>): Promise<Float32Array>;
  /** What the worker of the model holds. */
  memory(): Promise<MemoryFigures>;
}

declare global {
  interface Window {
    formersDemo: FormersDemo;
  }
}

const OWN_MODEL: ModelSource = { name: 'Digits', location: new URL('model/', document.baseURI).href };

const listeners = new Set<() => void>();
const say = (message: string): void => void (element('message').textContent = message);

const session = new Session(OWN_MODEL, (started) => {
  const { badge, reason } = describeEngine(started);
  element('engine').textContent = badge;
  element('reason').textContent = reason;
});

const shell: Shell = {
  get engine() {
    return session.engine;
  },
  get model() {
    return session.model;
  },
  onChange: (listener) => void listeners.add(listener),
  useModel,
  showTab: (tab) => tabs.show(tab),
  say,
};

const why = new WhyPanel(session, say);
const classify = new ClassifyPanel({ session, say, onInput: (image) => why.setInput(image) });
const model = new ModelPanel(shell, () => void useOwnModel());
const tabs = new Tabs(document.querySelector('[role=tablist]') as HTMLElement, showTab);

const takers = {
  onPicture: (file: File): void => {
    tabs.show('classify');
    classify.showPicture(file, file.name);
  },
  onModel: (files: ReadonlyMap<string, File> | File): void => void model.openFiles(files),
};
acceptDrops(element('zone'), takers);
acceptChosen(element<HTMLInputElement>('file'), { ...takers, onModel: () => {} });
followTheme(element<HTMLSelectElement>('theme-choice'), () => {
  classify.repaint();
  why.repaint();
});
chooseEngine(element<HTMLSelectElement>('engine-choice'), restart);

mountTrainPanel(element('train'), shell);
const ready = start();
ready.catch(() => {}); // told above

window.formersDemo = {
  ready,
  classify: (pixels) => session.classify({ data: Uint8Array.from(pixels), width: 28, height: 28, channels: 1 }),
  logits: (pixelValues) => session.logits(Float32Array.from(pixelValues)),
  memory: () => session.memory(),
};

async function start(): Promise<void> {
  try {
    await session.ready;
    showModel();
    void keepOffline(() => element('reason').append(' Load this page again for more threads.'));
  } catch (error) {
    if (error instanceof WorkerEnded) return; // another engine was chosen meanwhile, which tells
    element('engine').textContent = 'no model';
    say(messageOf(error));
    throw error;
  }
}

/** Computes on another engine, with the model in use. */
async function restart(engine: Shell['engine']): Promise<void> {
  say('');
  element('engine').textContent = 'starting';
  element('reason').textContent = '';
  try {
    await session.restart(engine);
    showModel();
  } catch (error) {
    if (!(error instanceof WorkerEnded)) say(`The engine could not be started. ${messageOf(error)}`);
  }
}

async function useModel(source: ModelSource): Promise<void> {
  await session.load(source);
  showModel();
}

function showModel(): void {
  if (!session.model) return;
  const { source, facts } = session.model;
  element('model-name').textContent = source.name;
  element('size').textContent = `${facts.numParameters.toLocaleString('en')} parameters`;
  classify.setModel(facts);
  model.show(source.name, facts);
  for (const listener of listeners) listener();
}

async function useOwnModel(): Promise<void> {
  try {
    await useModel(OWN_MODEL);
  } catch (error) {
    say(messageOf(error));
  }
}

function showTab(tab: TabName): void {
  why.isShown = tab === 'why';
}
