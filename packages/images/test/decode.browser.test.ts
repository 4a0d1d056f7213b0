import { describe, expect, it } from 'vitest';

import { decodeImage, ImageProcessor, loadImage } from '../src/index.ts';

/** Three files of 4 x 3 pixels, made by Pillow 13: level 20 * (row * 4 + column) in red, 255 - that in green, 7 in blue. */
const files = {
  png: 'iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAIAAAA7ljmRAAAAF0lEQVR4nGNk+M8u8oYBglgCNjBg5wAA7RUMEEuCwDMAAAAASUVORK5CYII=',
  jpeg6:
    '/9j/4AAQSkZJRgABAQAAAQABAAD/4QAiRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAARCAAIABADAREAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDQh8Nf7Ffj8uFv7p/PHDVH4S9D4a/2f0rnlwt/dP6t4ao/Cf/Z',
  grey: 'iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAAAAACRn/EaAAAAF0lEQVR4nGNkYObkZzSQVlRnmWBs+R8AChcCsNxeTTEAAAAASUVORK5CYII=',
};
const bytesOf = (name: keyof typeof files): Uint8Array =>
  Uint8Array.from(atob(files[name]), (character) => character.charCodeAt(0));
const levels = Array.from({ length: 12 }, (_, i) => [20 * i, 255 - 20 * i, 7]);

describe('decodeImage in a browser', () => {
  it('reads PNG exactly, from bytes and from a Blob', async () => {
    const image = await decodeImage(bytesOf('png'));
    expect([image.width, image.height, image.channels]).toEqual([4, 3, 3]);
    expect([...image.data]).toEqual(levels.flat());
    expect([...(await decodeImage(new Blob([bytesOf('png') as BlobPart]))).data]).toEqual(levels.flat());
  });

  it('reads JPEG within 3 levels of Pillow, and turns it when asked', async () => {
    const stored = await decodeImage(bytesOf('jpeg6'));
    expect([stored.width, stored.height, stored.channels]).toEqual([16, 8, 3]);
    const upright = await loadImage(bytesOf('jpeg6'));
    expect([upright.width, upright.height]).toEqual([8, 16]);
    // Orientation 6: the stored left column, from the bottom, is the upright first row.
    const red = (image: { data: ArrayLike<number>; width: number }, x: number, y: number): number =>
      image.data[(y * image.width + x) * 3]!;
    for (let x = 0; x < 8; x++) expect(red(upright, x, 0)).toBe(red(stored, 0, 7 - x));
    const pillow = [
      2, 200, 1, 11, 195, 1, 26, 189, 2, 38, 183, 0, 48, 179, 1, 61, 175, 1, 74, 170, 2, 86, 164, 2, 98, 160, 1, 108,
      155, 1, 123, 148, 2, 135, 144, 1, 143, 140, 1, 157, 135, 0, 170, 129, 1, 180, 124, 1, 6, 200, 18, 17, 196, 19, 29,
      189, 17, 43, 184, 18, 52, 181, 18, 65, 176, 19, 79, 170, 17, 90, 166, 18, 102, 161, 19, 114, 156, 20, 127, 150,
      18, 139, 145, 19, 150, 142, 18, 162, 137, 19, 176, 130, 18, 187, 126, 19, 12, 200, 41, 23, 196, 42, 37, 189, 42,
      49, 185, 41, 59, 182, 42, 70, 176, 40, 85, 170, 41, 95, 165, 41, 109, 160, 41, 118, 155, 41, 132, 150, 42, 145,
      143, 40, 154, 140, 41, 166, 136, 40, 181, 130, 41, 191, 125, 41, 18, 200, 63, 29, 197, 62, 43, 189, 62, 55, 185,
      61, 66, 181, 62, 78, 177, 61, 92, 170, 61, 102, 165, 61, 113, 159, 61, 124, 155, 61, 138, 148, 61, 150, 144, 60,
      161, 140, 61, 173, 135, 60, 187, 128, 60, 198, 124, 61, 25, 200, 79, 34, 195, 79, 48, 188, 79, 61, 184, 78, 72,
      180, 79, 84, 175, 79, 96, 169, 79, 107, 165, 78, 122, 161, 80, 132, 156, 80, 147, 150, 81, 159, 145, 80, 167, 141,
      80, 179, 137, 79, 194, 131, 80, 204, 126, 78, 30, 201, 99, 41, 195, 99, 55, 189, 100, 66, 184, 98, 77, 180, 99,
      89, 176, 98, 103, 169, 98, 114, 165, 99, 127, 161, 100, 137, 156, 100, 151, 149, 100, 163, 145, 99, 174, 141, 100,
      186, 136, 99, 200, 129, 99, 211, 125, 100, 37, 199, 123, 48, 195, 124, 60, 189, 122, 74, 184, 123, 83, 181, 122,
      96, 176, 123, 110, 169, 121, 120, 165, 122, 132, 160, 122, 143, 154, 122, 156, 149, 121, 169, 144, 122, 178, 140,
      121, 191, 135, 122, 206, 129, 121, 215, 124, 121, 41, 201, 139, 51, 196, 139, 66, 190, 140, 78, 185, 139, 89, 181,
      140, 100, 176, 138, 115, 170, 139, 125, 165, 139, 137, 161, 139, 148, 157, 140, 162, 149, 140, 174, 145, 139, 185,
      141, 140, 197, 137, 139, 211, 130, 139, 222, 126, 140,
    ];
    stored.data.forEach((level, i) => expect(Math.abs(level - pillow[i]!)).toBeLessThanOrEqual(3));
  });

  it('makes the pixel values that Node makes', async () => {
    const processor = ImageProcessor.fromConfig({ size: 2, image_mean: [0.5], image_std: [0.5] });
    const { pixelValues } = processor.process(await decodeImage(bytesOf('grey')));
    expect([...pixelValues].map((value) => Math.round((value * 0.5 + 0.5) * 255))).toEqual([27, 56, 146, 107]);
  });

  it.each<[string, Uint8Array, string]>([
    ['text', new TextEncoder().encode('dear reader'), 'unsupported'],
    ['an SVG', new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'unsupported'],
    ['half a PNG', bytesOf('png').subarray(0, 50), 'truncated'],
    ['half a JPEG', bytesOf('jpeg6').subarray(0, -60), 'truncated'],
    ['a PNG with broken pixels', bytesOf('png').fill(0, 45, 60), 'corrupt'],
    ['a PNG of 2^24 x 2^24', bytesOf('png').fill(1, 16, 17).fill(1, 20, 21), 'too-large'],
  ])('refuses %s', async (_, file, code) => {
    await expect(decodeImage(file)).rejects.toMatchObject({ name: 'ImageError', code });
  });

  it('has no files', async () => {
    await expect(decodeImage('seven.png')).rejects.toMatchObject({ code: 'unsupported' });
  });
});
