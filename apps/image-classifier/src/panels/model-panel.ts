import { proxy, releaseProxy } from 'comlink';

import type { ModelFacts } from '../model/image-classifier.ts';
import { modelFilesIn } from '../model/model-files.ts';
import { acceptChosen } from '../page/file-drop.ts';
import { bytes, messageOf } from '../page/words.ts';
import { create, element } from '../shell/elements.ts';
import type { Shell } from '../shell/shell.ts';
import type { OnProgress, Progress } from '../worker/protocol.ts';
import { startWorker, WorkerEnded } from '../worker/start-worker.ts';

/** Gets the files of a model, and tells how far it is. */
type Getter = (onProgress: OnProgress, signal: AbortSignal) => Promise<ReadonlyMap<string, Blob>>;

/** The panel of the model in use, and of getting another one: from a folder, a zip, a URL or the hub. */
export class ModelPanel {
  readonly #shell: Shell;
  readonly #onDefault: () => void;
  readonly #progress = element<HTMLProgressElement>('model-progress');
  readonly #stage = element('model-stage');
  readonly #stop = element<HTMLButtonElement>('model-stop');
  #loading: AbortController | undefined;

  /** @param onDefault Called to get back the page's own model. */
  constructor(shell: Shell, onDefault: () => void) {
    this.#shell = shell;
    this.#onDefault = onDefault;
    const takers = {
      onModel: (files: ReadonlyMap<string, File> | File) => void this.openFiles(files),
      onPicture: (file: File) => void this.openFiles(new Map([[file.name, file]])),
    };
    acceptChosen(element<HTMLInputElement>('model-folder'), takers);
    acceptChosen(element<HTMLInputElement>('model-files'), takers);
    element('model-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const address = element<HTMLInputElement>('model-address').value.trim();
      if (address) void this.download(address);
    });
    element('model-default').addEventListener('click', () => this.#onDefault());
    this.#stop.addEventListener('click', () => this.#loading?.abort());
  }

  /** Uses the model in files by their paths, or in a zip. */
  async openFiles(files: ReadonlyMap<string, File> | File): Promise<void> {
    if (!(files instanceof File)) {
      const name = [...files.keys()][0]?.split('/').at(-2) ?? 'your model';
      return this.#get(name, () => Promise.resolve().then(() => modelFilesIn(files)));
    }
    return this.#get(files.name.replace(/\.zip$/i, ''), (onProgress, signal) =>
      fromOpener(signal, (opener) => opener.unzip(files, proxy(onProgress))),
    );
  }

  /** Uses the model at a URL or of a name on the hub. */
  async download(address: string): Promise<void> {
    return this.#get(address, (onProgress, signal) =>
      fromOpener(signal, (opener) => opener.download(address, proxy(onProgress))),
    );
  }

  /** Shows what there is to say of the model in use. */
  show(name: string, facts: ModelFacts): void {
    const [height, width] = facts.imageSize;
    const rows: [string, string][] = [
      ['Name', name],
      ['Architecture', facts.architecture],
      ['Parameters', facts.numParameters.toLocaleString('en')],
      ['Images', `${height} × ${width}, ${facts.numChannels === 1 ? 'grey' : 'colours'}`],
      ['Patches', `${facts.patchSize.join(' × ')} pixels each`],
      ['Layers', `${facts.numLayers}, with ${facts.numHeads} attention heads each`],
      [
        'Classes',
        `${facts.labels.length}: ${facts.labels.slice(0, 12).join(', ')}${facts.labels.length > 12 ? ', …' : ''}`,
      ],
    ];
    if (facts.isProcessorAssumed) rows.push(['Preprocessor', 'none in the folder: that of ViT is assumed']);
    element('model-facts').replaceChildren(
      ...rows.map(([term, text]) => create('div', {}, create('dt', {}, term), create('dd', {}, text))),
    );
  }

  async #get(name: string, getter: Getter): Promise<void> {
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    this.#shell.say('');
    this.#shell.showTab('model');
    this.#show({ file: name, loadedBytes: 0, totalBytes: 0 });
    try {
      const files = await getter((progress) => this.#loading === loading && this.#show(progress), loading.signal);
      if (loading.signal.aborted) return;
      this.#stage.textContent = `Loading ${name} into the engine…`;
      await this.#shell.useModel({ name, location: files });
      this.#stage.textContent = `${name} is in use. Draw or open a picture in “Classify”.`;
    } catch (error) {
      this.#stage.textContent = '';
      if (error instanceof WorkerEnded) this.#shell.say(`Stopped. The model before stays in use.`);
      else this.#shell.say(`“${name}” can’t be used. ${messageOf(error)}`);
    } finally {
      if (this.#loading === loading) this.#end();
    }
  }

  #show({ file, loadedBytes, totalBytes }: Progress): void {
    this.#progress.hidden = false;
    this.#stop.disabled = false;
    if (totalBytes === 0) this.#progress.removeAttribute('value');
    else Object.assign(this.#progress, { max: totalBytes, value: loadedBytes });
    this.#stage.textContent =
      totalBytes === 0 ? `Opening ${file}…` : `${file}: ${bytes(loadedBytes)} of ${bytes(totalBytes)}`;
  }

  #end(): void {
    this.#loading = undefined;
    this.#progress.hidden = true;
    this.#stop.disabled = true;
  }
}

type Opener = Awaited<ReturnType<ReturnType<typeof startWorker>['services']['opener']>>;

/** Asks a worker of its own, which is ended afterwards, or to stop it. */
async function fromOpener<Answer>(signal: AbortSignal, question: (opener: Opener) => Promise<Answer>): Promise<Answer> {
  const worker = startWorker('opener', { mayAsk: 'anybody' });
  signal.addEventListener('abort', () => worker.terminate());
  let opener: Opener | undefined;
  try {
    opener = await worker.ask(worker.services.opener());
    return await worker.ask(question(opener));
  } finally {
    opener?.[releaseProxy](); // and so held until here: comlink closes a service that is collected as garbage, though it still owes an answer
    worker.terminate();
  }
}
