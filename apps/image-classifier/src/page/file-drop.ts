import { chosenFiles, droppedFiles, type FoundFile } from '../train/dropped.ts';

/** Who takes what is dropped, pasted or chosen. */
export interface FileTakers {
  readonly onPicture: (file: File) => void;
  /** Files of a model, by their paths, or a zip of them. */
  readonly onModel: (files: ReadonlyMap<string, File> | File) => void;
}

/**
 * Takes files that are dropped anywhere on the page, or pasted: one is a picture unless it is a zip, folders and several files are a model. While some hang above, `zone` has the
 * class `dropping`. Panels with the attribute `data-own-drop` take their own.
 */
export function acceptDrops(zone: HTMLElement, takers: FileTakers): void {
  const hold = (event: DragEvent, isAbove: boolean): void => {
    event.preventDefault(); // or the browser leaves the page for the file
    const hasFiles = event.dataTransfer?.types.includes('Files') ?? false;
    zone.classList.toggle('dropping', isAbove && hasFiles && !isTaken(event));
  };
  addEventListener('dragover', (event) => hold(event, true));
  addEventListener('dragleave', (event) => hold(event, event.relatedTarget !== null));
  addEventListener('drop', (event) => {
    hold(event, false);
    if (isTaken(event) || event.dataTransfer === null) return;
    const plain = chosenFiles(event.dataTransfer.files);
    void droppedFiles(event.dataTransfer).then((found) => give(found.length > 0 ? found : plain, takers));
  });
  addEventListener('paste', ({ clipboardData }) => {
    if (clipboardData && clipboardData.files.length > 0) give(chosenFiles(clipboardData.files), takers);
  });
}

/** Takes the files of a file button. */
export function acceptChosen(input: HTMLInputElement, takers: FileTakers): void {
  input.addEventListener('change', () => {
    give(chosenFiles(input.files ?? []), takers);
    input.value = ''; // so that the same file can be chosen again
  });
}

function give(found: readonly FoundFile[], { onPicture, onModel }: FileTakers): void {
  const [first] = found;
  if (first === undefined) return;
  const isAlone = found.length === 1 && first.folders.length === 0;
  if (isAlone && /\.zip$/i.test(first.file.name)) onModel(first.file);
  else if (isAlone && !/\.(json|safetensors)$/.test(first.file.name)) onPicture(first.file);
  else onModel(new Map(found.map(({ folders, file }) => [[...folders, file.name].join('/'), file])));
}

function isTaken({ target }: DragEvent): boolean {
  return target instanceof Element && target.closest('[data-own-drop]') !== null;
}
