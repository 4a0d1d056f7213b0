/** The panels of the page. */
export type TabName = 'classify' | 'why' | 'train' | 'model';

/**
 * The tabs of the page, as the ARIA Authoring Practices have them: arrow keys, Home and End move and choose. The one that is shown stands in the
 * address, so that it can be linked to.
 */
export class Tabs {
  readonly #tabs: readonly HTMLElement[];
  readonly #onShow: (tab: TabName) => void;

  constructor(list: HTMLElement, onShow: (tab: TabName) => void) {
    this.#tabs = [...list.querySelectorAll<HTMLElement>('[role=tab]')];
    this.#onShow = onShow;
    list.addEventListener('click', ({ target }) => {
      const tab = target instanceof Element ? target.closest<HTMLElement>('[role=tab]') : null;
      if (tab) this.show(nameOf(tab));
    });
    list.addEventListener('keydown', (event) => this.#move(event));
    addEventListener('hashchange', () => this.#showAddress());
    this.#showAddress();
  }

  show(name: TabName): void {
    for (const tab of this.#tabs) {
      const isShown = nameOf(tab) === name;
      tab.setAttribute('aria-selected', String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      const panel = document.getElementById(nameOf(tab));
      if (panel) panel.hidden = !isShown;
    }
    const address = name === 'classify' ? location.pathname + location.search : `#${name}`;
    history.replaceState(null, '', address);
    this.#onShow(name);
  }

  #showAddress(): void {
    const wanted = location.hash.slice(1);
    const tab = this.#tabs.find((each) => nameOf(each) === wanted);
    if (tab) this.show(nameOf(tab));
  }

  #move(event: KeyboardEvent): void {
    const here = this.#tabs.findIndex((tab) => tab.ariaSelected === 'true');
    const places: Readonly<Record<string, number>> = {
      ArrowRight: here + 1,
      ArrowLeft: here - 1,
      Home: 0,
      End: this.#tabs.length - 1,
    };
    const place = places[event.key];
    if (place === undefined) return;
    event.preventDefault();
    const tab = this.#tabs.at(place % this.#tabs.length);
    if (!tab) return;
    this.show(nameOf(tab));
    tab.focus();
  }
}

function nameOf(tab: Element): TabName {
  return tab.getAttribute('aria-controls') as TabName;
}
