import { RandomStream } from '@formers/backend';
import { describe, expect, it } from 'vitest';

import { digitFromStrokes } from '../src/digit/digit-form.ts';
import { classesOf, type FoundFile } from '../src/train/dropped.ts';
import { explain } from '../src/train/explain.ts';
import { endless } from '../src/train/feature-examples.ts';
import { modelCard } from '../src/train/model-card.ts';
import { Pausable } from '../src/train/pausable.ts';
import type { SampleClass } from '../src/train/protocol.ts';
import { byAnotherHand, drawReadyMade, READY_MADE, type ReadyMade } from '../src/train/ready-made.ts';
import { DEFAULT_SETTINGS, problemWith, scratchKind } from '../src/train/recipe.ts';
import { timeOf } from '../src/train/run-view.ts';
import { splitByClass, spread } from '../src/train/split.ts';

const some = (label: string, count = 1): SampleClass => ({
  label,
  samples: Array.from({ length: count }, (_, i) => ({ name: `${i}.png`, image: new Blob() })),
});
const settings = DEFAULT_SETTINGS.scratch;

describe('splitByClass', () => {
  it('holds a fifth of each class out, 40 at most, and none of fewer than five', () => {
    const counts = [4, 5, 14, 1000];
    const labels = counts.flatMap((count, label) => Array.from({ length: count }, () => label));
    const { learn, heldOut } = splitByClass(labels, { seed: 1 });
    const held = counts.map((_, label) => heldOut.filter((index) => labels[index] === label).length);
    expect(held).toEqual([0, 1, 2, 40]);
    expect([...learn, ...heldOut].toSorted((a, b) => a - b)).toEqual([...labels.keys()]);
  });

  it('depends on the seed alone, class by class', () => {
    const random = new RandomStream(7, 'labels');
    for (let seed = 0; seed < 50; seed++) {
      const labels = Array.from({ length: 1 + random.integer(60) }, () => random.integer(4));
      const first = splitByClass(labels, { seed });
      expect(splitByClass(labels, { seed })).toEqual(first);
      expect(new Set([...first.learn, ...first.heldOut]).size).toBe(labels.length);
      for (const index of first.heldOut)
        expect([...first.learn].some((other) => labels[other] === labels[index])).toBe(true);
    }
    const labels = Array.from({ length: 100 }, () => 0);
    expect(splitByClass(labels, { seed: 1 }).heldOut).not.toEqual(splitByClass(labels, { seed: 2 }).heldOut);
  });
});

describe('spread', () => {
  it('takes numbers from everywhere, each once', () => {
    expect(spread(Uint32Array.of(3, 4, 5), 3)).toEqual(Uint32Array.of(3, 4, 5));
    expect(
      spread(
        Uint32Array.from({ length: 10 }, (_, i) => i),
        5,
      ),
    ).toEqual(Uint32Array.of(0, 2, 4, 6, 8));
  });
});

describe('endless', () => {
  it('gives each number once per pass, in an order that changes with the pass and depends on the seed', () => {
    const numbers = Uint32Array.of(2, 3, 5, 7, 11, 13);
    const at = endless(numbers, 4);
    const pass = (epoch: number): number[] => Array.from({ length: 6 }, (_, i) => at(6 * epoch + i));
    for (const epoch of [0, 1, 2]) expect(pass(epoch).toSorted((a, b) => a - b)).toEqual([...numbers]);
    expect(pass(0)).not.toEqual(pass(1));
    expect(pass(0)).toEqual(Array.from({ length: 6 }, (_, i) => endless(numbers, 4)(i))); // also when asked again
  });
});

describe('problemWith', () => {
  it.each([
    [[], /there is none/],
    [[some('cat')], /there is 1/],
    [[some('cat'), some('  ')], /Class 2 has no name/],
    [[some('cat'), some(' cat ')], /Two classes are called “cat”/],
    [[some('cat'), some('dog', 0)], /“dog” has no images/],
  ])('says what is wrong with classes %#', (classes, problem) => {
    expect(problemWith(classes, settings)).toMatch(problem);
  });

  it.each([
    [{ steps: 0 }, /Steps must be a whole number from 1 to/],
    [{ steps: 1.5 }, /Steps must be a whole number/],
    [{ learningRate: Number.NaN }, /Learning rate must be a number from 1e-7 to 1/],
    [{ batchSize: 1e9 }, /Images per step/],
    [{ shift: -1 }, /Random shift/],
  ])('says what is wrong with settings %j', (wrong, problem) => {
    expect(problemWith([some('cat'), some('dog')], { ...settings, ...wrong })).toMatch(problem);
  });

  it('has nothing against two classes of one image each, with the settings of every beginning', () => {
    for (const each of Object.values(DEFAULT_SETTINGS))
      expect(problemWith([some('cat'), some('dog')], each)).toBeUndefined();
  });
});

describe('scratchKind', () => {
  it('is a small grey model for drawings alone', () => {
    const drawn = drawReadyMade('shapes', { seed: 1 });
    expect(scratchKind(drawn)).toBe('drawings');
    expect(scratchKind([...drawn, some('photo')])).toBe('photos');
  });
});

describe('classesOf', () => {
  const found = (path: string): FoundFile => {
    const parts = path.split('/');
    return { folders: parts.slice(0, -1), file: new File([], parts.at(-1) ?? '') };
  };
  const namesOf = (paths: readonly string[]): unknown => {
    const { classes, loose } = classesOf(paths.map(found));
    return {
      classes: Object.fromEntries(classes.map(({ label, samples }) => [label, samples.map(({ name }) => name)])),
      loose: loose.map(({ name }) => name),
    };
  };

  it('takes the folder that images lie in as their class, whatever is above', () => {
    expect(
      namesOf(['pets/dog/2.jpg', 'pets/dog/10.JPG', 'pets/cat/1.png', 'pets/cat/notes.txt', 'pets/cat/.hidden.png']),
    ).toEqual({
      classes: { cat: ['1.png'], dog: ['10.JPG', '2.jpg'] },
      loose: [],
    });
    expect(namesOf(['cat/1.png', 'dog/1.webp'])).toEqual({ classes: { cat: ['1.png'], dog: ['1.webp'] }, loose: [] });
  });

  it('leaves images without a class: in no folder, or in the outermost one beside others', () => {
    expect(namesOf(['1.png'])).toEqual({ classes: {}, loose: ['1.png'] });
    expect(namesOf(['pets/0.png', 'pets/cat/1.png'])).toEqual({ classes: { cat: ['1.png'] }, loose: ['0.png'] });
  });
});

describe('Pausable', () => {
  it('stops its clock while it is paused, and lets waiters pass when it goes on', async () => {
    let time = 0;
    const pausable = new Pausable(() => time);
    await pausable.passed(); // open
    time = 10;
    pausable.pause();
    const order: string[] = [];
    const passing = pausable.passed().then(() => order.push('passed'));
    time = 110;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(pausable.now()).toBe(10);
    order.push('resumed');
    pausable.resume();
    await passing;
    expect(order).toEqual(['resumed', 'passed']);
    expect(pausable.now()).toBe(10);
    time = 115;
    expect(pausable.now()).toBe(15);
    await pausable.aside(() => (time = 200));
    expect(pausable.now()).toBe(15);
  });
});

describe('the ready-made data sets', () => {
  it.each(Object.keys(READY_MADE) as ReadyMade[])('%s: no two images are the same, and the seed makes them', (name) => {
    const classes = drawReadyMade(name, { seed: 1 });
    expect(drawReadyMade(name, { seed: 1 })).toEqual(classes);
    expect(classes.map(({ label }) => label)).toEqual(READY_MADE[name].figures.map(({ label }) => label));
    const images = classes.flatMap(({ samples }) =>
      samples.map(({ image }) =>
        Buffer.from(digitFromStrokes(image instanceof Blob ? [] : image).data).toString('base64'),
      ),
    );
    expect(new Set(images).size).toBe(classes.length * READY_MADE[name].perClass);
  });

  it('bends strokes a little: each point stays near where it was', () => {
    const random = new RandomStream(3, 'test');
    for (const { strokes } of READY_MADE.shapes.figures) {
      const bent = byAnotherHand(strokes, random).flat();
      const moved = strokes
        .flat()
        .map(([x, y], i) => Math.hypot(x - (bent[i]?.[0] ?? Infinity), y - (bent[i]?.[1] ?? Infinity)));
      expect(Math.max(...moved)).toBeLessThan(0.35);
      expect(Math.max(...moved)).toBeGreaterThan(0.001);
    }
  });
});

describe('modelCard', () => {
  const facts = {
    labels: ['cat|dog', '<b>'],
    counts: [10, 5],
    beginning: 'scratch',
    beginningName: undefined,
    settings: { ...settings, flip: true },
    step: 12,
    numParameters: 205066,
    numHeldOut: 3,
    tested: { loss: 0.1, accuracy: 2 / 3, counts: [] },
  } as const;

  it('says what was learned from, how well, and how', () => {
    const card = modelCard(facts);
    expect(card).toMatch(/^---\nlibrary_name: transformers\npipeline_tag: image-classification\n/);
    expect(card).toContain('| cat\\|dog | 10 |');
    expect(card).toContain('| \\<b\\> | 5 |');
    expect(card).toContain(
      'Of 3 images that were held out, it takes 66.7 % for what they are. 12 images were learned from, in 12 of 200 steps',
    );
    expect(card).toContain('images mirrored and moved by up to 1 pixels at random');
  });

  it('does not claim a test that there was not', () => {
    expect(modelCard({ ...facts, numHeldOut: 0 })).toContain('too few images to hold any out');
    expect(modelCard({ ...facts, beginning: 'head', beginningName: 'google/vit' })).toContain(
      'a new head on the frozen encoder of google/vit',
    );
  });
});

describe('explain', () => {
  it.each([
    ['backend', 'formers-simd: out of memory: wanted 8 bytes more', /memory is full: .*Fewer images per step/],
    ['unknown', 'Array buffer allocation failed', /memory is full/],
    ['crashed', 'boom', /^The worker that trains was lost/],
    ['device-lost', 'WebGPU: the device was lost', /^The graphics device was lost/],
    ['not-finite', 'Trainer: step 3 is not finite', /smaller learning rate/],
    ['unreadable', 'readSamples: “a.png” can’t be read: it is cut', /^“a.png” can’t be read: it is cut\.$/],
  ])('says what to do about %s', (code, message, words) => {
    expect(explain({ reason: 'failed', code, message })).toMatch(words);
  });
});

describe('timeOf', () => {
  it('is in seconds, or minutes', () => {
    expect([0.2, 89, 91, 600].map(timeOf)).toEqual(['1 s', '89 s', '2 min', '10 min']);
  });
});
