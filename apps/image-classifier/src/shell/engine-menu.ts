import { ENGINE_LABELS, type EngineChoice } from '../worker/engine-names.ts';
import { create } from './elements.ts';

/** Fills the list of engines, and tells of each choice. */
export function chooseEngine(list: HTMLSelectElement, onChoose: (engine: EngineChoice) => void): void {
  const options = Object.entries({ auto: 'Fastest', ...ENGINE_LABELS });
  list.append(...options.map(([value, label]) => create('option', { value }, label)));
  list.addEventListener('change', () => onChoose(list.value as EngineChoice));
}
