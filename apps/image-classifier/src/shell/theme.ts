const KEY = 'formers-theme';

/**
 * The choice between the system's colours, light and dark ones: an attribute of the root element, which the styles follow, remembered in this browser.
 *
 * @param onChange Called whenever the colours have changed, also by the system: what is painted on canvases has to follow.
 */
export function followTheme(choice: HTMLSelectElement, onChange: () => void): void {
  const apply = (): void => {
    document.documentElement.dataset['theme'] = choice.value;
    onChange();
  };
  choice.value = remembered() ?? 'system';
  choice.addEventListener('change', () => {
    remember(choice.value);
    apply();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
  apply();
}

/** Storage may be forbidden: then the choice holds until the page is closed. */
function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(theme: string): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds for this visit.
  }
}
