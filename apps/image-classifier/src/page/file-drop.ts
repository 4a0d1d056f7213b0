/**
 * Takes a picture from a file button, and from files that are dropped anywhere on the page; `zone` gets the class `dropping` while one hangs above.
 */
export function acceptFiles(
  { input, zone }: { input: HTMLInputElement; zone: HTMLElement },
  onFile: (file: File) => void,
): void {
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file !== undefined) onFile(file);
    input.value = ''; // so that the same file can be chosen again
  });
  const hold = (event: DragEvent, isAbove: boolean): void => {
    event.preventDefault(); // or the browser leaves the page for the file
    zone.classList.toggle('dropping', isAbove && (event.dataTransfer?.types.includes('Files') ?? false));
  };
  addEventListener('dragover', (event) => hold(event, true));
  addEventListener('dragleave', (event) => hold(event, event.relatedTarget !== null));
  addEventListener('drop', (event) => {
    hold(event, false);
    const [file] = event.dataTransfer?.files ?? [];
    if (file !== undefined) onFile(file);
  });
}
