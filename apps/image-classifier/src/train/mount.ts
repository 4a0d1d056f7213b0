import { messageOf } from '../page/words.ts';
import type { Shell } from '../shell/shell.ts';

/**
 * Puts the panel that trains into a section of the page: samples of classes, what learns, and how it goes. Its script is loaded when the section is
 * seen for the first time.
 */
export function mountTrainPanel(host: HTMLElement, shell: Shell): void {
  host.classList.add('train-place');
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    import('./panel.ts').then(
      ({ TrainPanel }) => void new TrainPanel(host, shell),
      (error: unknown) => shell.say(`The panel that trains could not be loaded. ${messageOf(error)}`),
    );
  });
  observer.observe(host);
}
