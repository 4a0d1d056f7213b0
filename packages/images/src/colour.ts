import { checkImage, type Channels, emptyImage, type RawImage } from './raw-image.ts';

/** Three channels: grey becomes three equal ones, alpha is dropped, as Pillow's `convert('RGB')` does. */
export function toRgb(image: RawImage): RawImage {
  checkImage(image, 'toRgb');
  if (image.channels === 3) return image;
  const [red, green, blue] = image.channels === 4 ? [0, 1, 2] : [0, 0, 0];
  return mapPixels(image, 3, (source, from, output, to) => {
    output[to] = source[from + red] as number;
    output[to + 1] = source[from + green] as number;
    output[to + 2] = source[from + blue] as number;
  });
}

/** One channel: the brightness that the eye sees (ITU-R 601), as Pillow's `convert('L')` rounds it; alpha is dropped. */
export function toGrey(image: RawImage): RawImage {
  checkImage(image, 'toGrey');
  if (image.channels === 1) return image;
  if (image.channels === 2) {
    return mapPixels(image, 1, (source, from, output, to) => (output[to] = source[from] as number));
  }
  return mapPixels(image, 1, (source, from, output, to) => {
    const [red, green, blue] = [source[from] as number, source[from + 1] as number, source[from + 2] as number];
    output[to] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
  });
}

/**
 * Without alpha: the image laid on white, as Pillow's `alpha_composite` rounds it, with 1 or 3 channels. Hugging Face's processors do so
 * where they convert to RGB themselves (`do_convert_rgb`).
 */
export function layOnWhite(image: RawImage): RawImage {
  checkImage(image, 'layOnWhite');
  if (image.channels === 1 || image.channels === 3) return image;
  const colours = image.channels === 4 ? 3 : 1;
  return mapPixels(image, colours, (source, from, output, to) => {
    const alpha = source[from + colours] as number;
    for (let i = 0; i < colours; i++) {
      const sum = ((source[from + i] as number) * alpha + 255 * (255 - alpha)) * 128 + (0x80 << 7);
      output[to + i] = ((sum >> 8) + sum) >> 15;
    }
  });
}

/** Three channels from cyan, magenta, yellow and black, by Pillow's plain formula, without a colour profile. */
export function cmykToRgb(image: RawImage): RawImage {
  return mapPixels(image, 3, (source, from, output, to) => {
    const light = 255 - (source[from + 3] as number);
    for (let i = 0; i < 3; i++) {
      const product = (source[from + i] as number) * light + 128;
      output[to + i] = light - (((product >> 8) + product) >> 8);
    }
  });
}

function mapPixels(
  { data: source, width, height, channels: from }: RawImage,
  channels: Channels,
  paint: (source: Uint8Array, from: number, output: Uint8Array, to: number) => void,
): RawImage {
  const output = emptyImage({ width, height, channels });
  for (let pixel = 0; pixel < width * height; pixel++) paint(source, pixel * from, output.data, pixel * channels);
  return output;
}
