import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { attentionOf, AttentionView, attentionRollout, ConfusionMatrixView, LineChart } from '../src/index.ts';

let host: HTMLElement;
beforeEach(() => {
  host = document.createElement('div');
  host.style.width = '600px';
  document.body.append(host);
});
afterEach(() => host.remove());

const frame = (): Promise<unknown> =>
  new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
const query = (selector: string): HTMLElement => host.querySelector(selector) as HTMLElement;

describe('LineChart', () => {
  it('draws curves, says their course, and reads values by keyboard', async () => {
    const chart = new LineChart(host, {
      title: 'Loss',
      curves: [
        { id: 'a', label: 'training' },
        { id: 'b', label: 'held-out' },
      ],
    });
    for (let step = 0; step <= 100; step++) chart.append(step, { a: 2 - step / 100 });
    chart.append(100, { b: 1.5 });
    await expect.poll(() => host.querySelectorAll('.formers-chart-plot .formers-chart-line').length).toBe(2);
    expect(query('svg').getAttribute('aria-label')).toBe(
      'Loss: training from 2 to 1, held-out from 1.5 to 1.5, step 0 to 100',
    );
    const range = query('input') as HTMLInputElement;
    expect(range.getAttribute('aria-valuetext')).toBe('step 100 · training 1 · held-out 1.5');
    range.value = '50';
    range.dispatchEvent(new Event('input'));
    await frame();
    expect(range.getAttribute('aria-valuetext')).toBe('step 50 · training 1.5 · held-out 1.5');
    chart.clear();
    await frame();
    expect(query('svg').getAttribute('aria-label')).toBe('Loss: empty so far');
    expect(() => chart.append(1, { c: 1 })).toThrow(/curves are a, b, got c/);
    chart[Symbol.dispose]();
    expect(host.childElementCount).toBe(0);
  });

  it('draws falling values downwards, from left to right', async () => {
    const chart = new LineChart(host, { title: 'Loss', curves: [{ id: 'a', label: 'a' }] });
    chart.append(0, { a: 3 });
    chart.append(10, { a: 1 });
    await expect.poll(() => query('.formers-chart-line')?.getAttribute('d') ?? '').not.toBe('');
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] =
      (query('.formers-chart-line').getAttribute('d') ?? '').match(/[\d.]+/g)?.map(Number) ?? [];
    expect(x2).toBeGreaterThan(x1 + 400);
    expect(y2).toBeGreaterThan(y1 + 100);
  });
});

describe('ConfusionMatrixView', () => {
  it('is a table with headers, counts, and how many are right', () => {
    const view = new ConfusionMatrixView(host, { title: 'Held-out' });
    view.show({
      labels: ['cat', 'dog'],
      counts: [
        [9, 1],
        [2, 8],
      ],
    });
    expect(query('caption').textContent).toBe('Held-out: 17 of 20 right');
    expect([...host.querySelectorAll('td')].map((cell) => cell.textContent)).toEqual(['9', '1', '2', '8']);
    expect([...host.querySelectorAll('td')].map((cell) => cell.className)).toEqual([
      'formers-right',
      '',
      '',
      'formers-right',
    ]);
    expect(host.querySelectorAll('td')[2]?.title).toBe('2 of 10 dog called cat');
    view.clear();
    expect(host.querySelector('table')).toBeNull();
  });
});

describe('AttentionView', () => {
  // Two layers of two heads, a class token and 2 x 2 patches: attention that differs everywhere.
  const maps = {
    values: Float32Array.from({ length: 100 }, (_, i) => ((i * 37) % 101) + 1).map((value, i, all) => {
      const row = all.subarray(i - (i % 5), i - (i % 5) + 5);
      return value / row.reduce((sum, other) => sum + other, 0);
    }),
    numLayers: 2,
    numHeads: 2,
    numTokens: 5,
  };
  const heats = (): number[] =>
    [...host.querySelectorAll<HTMLElement>('[role=gridcell]')].map((cell) =>
      Number(cell.style.getPropertyValue('--heat')),
    );
  const relative = (shares: Float64Array): unknown[] =>
    Array.from(shares, (share) => expect.closeTo(share / Math.max(...shares), 3));
  const create = (): AttentionView => {
    const view = new AttentionView(host);
    view.show({ maps, grid: [2, 2], image: new ImageData(8, 8) });
    return view;
  };

  it('opens with the rollout of the class token', () => {
    const view = create();
    const wanted = attentionRollout(maps).subarray(1, 5);
    expect([...view.shares]).toEqual([...wanted]);
    expect(heats()).toEqual(relative(wanted));
  });

  it('shows a head that is chosen, and what a patch attends to while the pointer is on it', () => {
    create();
    const radios = host.querySelectorAll<HTMLInputElement>('.formers-heads input');
    expect([...radios].map((radio) => radio.ariaLabel)).toEqual([
      'layer 1, mean of its heads',
      'layer 1, head 1',
      'layer 1, head 2',
      'layer 2, mean of its heads',
      'layer 2, head 1',
      'layer 2, head 2',
    ]);
    radios[5]?.click();
    const choice = { layer: 1, head: 1 };
    expect(heats()).toEqual(relative(attentionOf(maps, { ...choice, token: 0 }).subarray(1)));
    const cells = host.querySelectorAll<HTMLElement>('[role=gridcell]');
    cells[2]?.dispatchEvent(new PointerEvent('pointerenter'));
    expect(heats()).toEqual(relative(attentionOf(maps, { ...choice, token: 3 }).subarray(1)));
    expect(cells[2]?.ariaSelected).toBe('true');
    expect(query('.formers-attention-caption').textContent).toContain('The patch in row 2, column 1 attends most to');
    query('.formers-patches').dispatchEvent(new PointerEvent('pointerleave'));
    expect(heats()).toEqual(relative(attentionOf(maps, { ...choice, token: 0 }).subarray(1)));
  });

  it('is walked by arrow keys; Enter keeps a patch, Escape gives the class token back', () => {
    const view = create();
    const cells = [...host.querySelectorAll<HTMLElement>('[role=gridcell]')];
    const press = (key: string): void =>
      void document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    cells[0]?.focus();
    press('ArrowRight');
    press('ArrowRight'); // there is no third column
    press('ArrowDown');
    expect(document.activeElement).toBe(cells[3]);
    const ofLast = [...attentionRollout(maps).subarray(4 * 5 + 1, 5 * 5)];
    expect([...view.shares]).toEqual(ofLast);
    press('Enter');
    cells[3]?.blur();
    expect([...view.shares]).toEqual(ofLast);
    cells[3]?.focus();
    press('Escape');
    cells[3]?.blur();
    expect([...view.shares]).toEqual([...attentionRollout(maps).subarray(1, 5)]);
    expect(cells.filter((cell) => cell.tabIndex === 0)).toHaveLength(1);
  });

  it('rolls out as told: fusion and what is left out', () => {
    const view = create();
    const fusion = host.querySelector('select') as HTMLSelectElement;
    const discard = host.querySelector('input[type=range]') as HTMLInputElement;
    fusion.value = 'max';
    fusion.dispatchEvent(new Event('change'));
    discard.value = '50';
    discard.dispatchEvent(new Event('input'));
    expect([...view.shares]).toEqual([...attentionRollout(maps, { fusion: 'max', discard: 0.5 }).subarray(1, 5)]);
    expect([...view.shares]).not.toEqual([...attentionRollout(maps).subarray(1, 5)]);
  });
});
