/**
 * Depthwise convolutions of images [batch, height, width, channels]: each channel with filters of its own.
 *
 * Arguments 0 to 14 as in convolution.ts; 15 y or dy [batch, output height, output width, channels * multiplier], 16 filter or its gradient
 * [filter height, filter width, channels, multiplier], 17 multiplier.
 */
import { argument, nextUnit, pointer } from './control';
import { madd } from './vector';

const PIXELS: i32 = 16;
const CHANNELS: i32 = 32;

/** z += x * y over n floats. */
function multiplyAdd(x: usize, y: usize, z: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const u = madd(v128.load(x + o), v128.load(y + o), v128.load(z + o)), v = madd(v128.load(x + o, 16), v128.load(y + o, 16), v128.load(z + o, 16));
    v128.store(z + o, u);
    v128.store(z + o, v, 16);
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    store<f32>(z + o, load<f32>(z + o) + load<f32>(x + o) * load<f32>(y + o));
  }
}

/** wide += narrow * other wide, where the narrow one has one number for each `multiplier` of the wide ones. */
function spreadAdd(narrow: usize, wide: usize, target: usize, n: i32, multiplier: i32): void {
  if (multiplier == 1) {
    multiplyAdd(narrow, wide, target, n);
    return;
  }
  for (let c = 0; c < n; c++) {
    const x = load<f32>(narrow + (<usize>c << 2));
    for (let q = c * multiplier; q < (c + 1) * multiplier; q++) {
      const o = <usize>q << 2;
      store<f32>(target + o, load<f32>(target + o) + x * load<f32>(wide + o));
    }
  }
}

/** narrow += sums over the multiplier of the products of two wide ones. */
function gatherAdd(x: usize, y: usize, target: usize, n: i32, multiplier: i32): void {
  if (multiplier == 1) {
    multiplyAdd(x, y, target, n);
    return;
  }
  for (let c = 0; c < n; c++) {
    let sum = load<f32>(target + (<usize>c << 2));
    for (let q = c * multiplier; q < (c + 1) * multiplier; q++) sum += load<f32>(x + (<usize>q << 2)) * load<f32>(y + (<usize>q << 2));
    store<f32>(target + (<usize>c << 2), sum);
  }
}

export function depthwise(_thread: i32): void {
  const height = argument(1), width = argument(2), channels = argument(3), outHeight = argument(4), outWidth = argument(5), multiplier = argument(17);
  const count = argument(0) * outHeight * outWidth, inBytes = <usize>channels << 2, outBytes = <usize>(channels * multiplier) << 2;
  for (;;) {
    const first = nextUnit(0) * PIXELS;
    if (first >= count) return;
    for (let pixel = first; pixel < min(count, first + PIXELS); pixel++) {
      const x0 = (pixel % outWidth) * argument(9) - argument(13), y0 = ((pixel / outWidth) % outHeight) * argument(8) - argument(12);
      const source = pointer(14) + <usize>(pixel / (outWidth * outHeight)) * <usize>(height * width) * inBytes, target = pointer(15) + <usize>pixel * outBytes;
      memory.fill(target, 0, outBytes);
      for (let i = 0; i < argument(6); i++) {
        const y = y0 + i * argument(10);
        if (y < 0 || y >= height) continue;
        for (let j = 0; j < argument(7); j++) {
          const x = x0 + j * argument(11);
          if (x < 0 || x >= width) continue;
          spreadAdd(source + <usize>(y * width + x) * inBytes, pointer(16) + <usize>(i * argument(7) + j) * outBytes, target, channels, multiplier);
        }
      }
    }
  }
}

/** Writes the gradient of the image. Units are strips of channels of one image. */
export function depthwiseInputGradient(_thread: i32): void {
  const batch = argument(0), height = argument(1), width = argument(2), channels = argument(3), outHeight = argument(4), outWidth = argument(5), multiplier = argument(17);
  const inBytes = <usize>channels << 2, outBytes = <usize>(channels * multiplier) << 2, strips = (channels + CHANNELS - 1) / CHANNELS;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= batch * strips) return;
    const channel = (unit % strips) * CHANNELS, n = min(CHANNELS, channels - channel), wide = <usize>(channel * multiplier) << 2;
    const target = pointer(14) + <usize>(unit / strips) * <usize>(height * width) * inBytes + (<usize>channel << 2);
    for (let i = 0; i < height * width; i++) memory.fill(target + <usize>i * inBytes, 0, <usize>n << 2);
    let dy = pointer(15) + <usize>(unit / strips) * <usize>(outHeight * outWidth) * outBytes + wide;
    for (let pixel = 0; pixel < outHeight * outWidth; pixel++) {
      const x0 = (pixel % outWidth) * argument(9) - argument(13), y0 = (pixel / outWidth) * argument(8) - argument(12);
      for (let i = 0; i < argument(6); i++) {
        const y = y0 + i * argument(10);
        if (y < 0 || y >= height) continue;
        for (let j = 0; j < argument(7); j++) {
          const x = x0 + j * argument(11);
          if (x < 0 || x >= width) continue;
          gatherAdd(dy, pointer(16) + <usize>(i * argument(7) + j) * outBytes + wide, target + <usize>(y * width + x) * inBytes, n, multiplier);
        }
      }
      dy += outBytes;
    }
  }
}

/** Writes the gradient of the filter. Units are strips of channels of one place of the filter. */
export function depthwiseFilterGradient(_thread: i32): void {
  const batch = argument(0), height = argument(1), width = argument(2), channels = argument(3), outHeight = argument(4), outWidth = argument(5), multiplier = argument(17);
  const inBytes = <usize>channels << 2, outBytes = <usize>(channels * multiplier) << 2, strips = (channels + CHANNELS - 1) / CHANNELS;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= argument(6) * argument(7) * strips) return;
    const channel = (unit % strips) * CHANNELS, n = min(CHANNELS, channels - channel), place = unit / strips, wide = <usize>(channel * multiplier) << 2;
    const target = pointer(16) + <usize>place * outBytes + wide, down = (place / argument(7)) * argument(10) - argument(12), right = (place % argument(7)) * argument(11) - argument(13);
    memory.fill(target, 0, <usize>(n * multiplier) << 2);
    for (let b = 0; b < batch; b++) {
      for (let pixel = 0; pixel < outHeight * outWidth; pixel++) {
        const y = (pixel / outWidth) * argument(8) + down, x = (pixel % outWidth) * argument(9) + right;
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        const source = pointer(14) + <usize>((b * height + y) * width + x) * inBytes + (<usize>channel << 2);
        spreadAdd(source, pointer(15) + <usize>(b * outHeight * outWidth + pixel) * outBytes + wide, target, n, multiplier);
      }
    }
  }
}
