/**
 * Images [batch, height, width, channels]: windows laid out as rows of a matrix, so that convolutions become matrix products, and pooling.
 *
 * Arguments of all kernels: 0 batch, 1 height, 2 width, 3 channels, 4 output height, 5 output width, 6 filter height, 7 filter width, 8 and 9 strides,
 * 10 and 11 dilations, 12 and 13 padding above and to the left, 14 image, 15 the other tensor (see there), 16.. more (see there).
 */
import { argument, nextUnit, number, pointer } from './control';
import * as rows from './rows';

const PIXELS: i32 = 16;
const CHANNELS: i32 = 32;

/** 15: rows [batch * output pixels, filter height * filter width * channels]. */
export function imageToRows(_thread: i32): void {
  const height = argument(1), width = argument(2), channels = argument(3), outHeight = argument(4), outWidth = argument(5);
  const filterHeight = argument(6), filterWidth = argument(7), image = pointer(14), target = pointer(15);
  const count = argument(0) * outHeight * outWidth, pixelBytes = <usize>channels << 2, rowBytes = <usize>(filterHeight * filterWidth) * pixelBytes;
  for (;;) {
    const first = nextUnit(0) * PIXELS;
    if (first >= count) return;
    for (let pixel = first; pixel < min(count, first + PIXELS); pixel++) {
      const x0 = (pixel % outWidth) * argument(9) - argument(13), y0 = ((pixel / outWidth) % outHeight) * argument(8) - argument(12);
      const source = image + <usize>(pixel / (outWidth * outHeight)) * <usize>(height * width) * pixelBytes;
      let to = target + <usize>pixel * rowBytes;
      for (let i = 0; i < filterHeight; i++) {
        const y = y0 + i * argument(10);
        for (let j = 0; j < filterWidth; j++) {
          const x = x0 + j * argument(11);
          if (y >= 0 && y < height && x >= 0 && x < width) memory.copy(to, source + <usize>(y * width + x) * pixelBytes, pixelBytes);
          else memory.fill(to, 0, pixelBytes);
          to += pixelBytes;
        }
      }
    }
  }
}

/** Adds the rows back into the image, which is set to zero first. Units are strips of channels of one image. 15: rows. */
export function rowsToImage(_thread: i32): void {
  const batch = argument(0), height = argument(1), width = argument(2), channels = argument(3), outHeight = argument(4), outWidth = argument(5);
  const filterHeight = argument(6), filterWidth = argument(7), image = pointer(14), source = pointer(15);
  const pixelBytes = <usize>channels << 2, rowBytes = <usize>(filterHeight * filterWidth) * pixelBytes, strips = (channels + CHANNELS - 1) / CHANNELS;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= batch * strips) return;
    const channel = (unit % strips) * CHANNELS, n = min(CHANNELS, channels - channel), o = <usize>channel << 2;
    const target = image + <usize>(unit / strips) * <usize>(height * width) * pixelBytes + o;
    for (let i = 0; i < height * width; i++) memory.fill(target + <usize>i * pixelBytes, 0, <usize>n << 2);
    let from = source + <usize>(unit / strips) * <usize>(outHeight * outWidth) * rowBytes + o;
    for (let pixel = 0; pixel < outHeight * outWidth; pixel++) {
      const x0 = (pixel % outWidth) * argument(9) - argument(13), y0 = (pixel / outWidth) * argument(8) - argument(12);
      for (let i = 0; i < filterHeight; i++) {
        const y = y0 + i * argument(10);
        for (let j = 0; j < filterWidth; j++) {
          const x = x0 + j * argument(11);
          if (y >= 0 && y < height && x >= 0 && x < width) {
            const p = target + <usize>(y * width + x) * pixelBytes;
            rows.add(p, from, p, n);
          }
          from += pixelBytes;
        }
      }
    }
  }
}

/** 15: y [batch, output height, output width, channels], 16: 0 maximum, 1 mean of what is inside the image. */
export function pool(_thread: i32): void {
  const height = argument(1), width = argument(2), channels = argument(3), outHeight = argument(4), outWidth = argument(5);
  const image = pointer(14), y = pointer(15), isMean = argument(16) != 0;
  const count = argument(0) * outHeight * outWidth, pixelBytes = <usize>channels << 2;
  for (;;) {
    const first = nextUnit(0) * PIXELS;
    if (first >= count) return;
    for (let pixel = first; pixel < min(count, first + PIXELS); pixel++) {
      const x0 = (pixel % outWidth) * argument(9) - argument(13), y0 = ((pixel / outWidth) % outHeight) * argument(8) - argument(12);
      const source = image + <usize>(pixel / (outWidth * outHeight)) * <usize>(height * width) * pixelBytes, target = y + <usize>pixel * pixelBytes;
      let inside = 0;
      rows.fill(target, 0, channels, isMean ? 0 : -Infinity);
      for (let i = 0; i < argument(6); i++) {
        const row = y0 + i * argument(10);
        if (row < 0 || row >= height) continue;
        for (let j = 0; j < argument(7); j++) {
          const column = x0 + j * argument(11);
          if (column < 0 || column >= width) continue;
          const p = source + <usize>(row * width + column) * pixelBytes;
          inside++;
          if (isMean) rows.add(target, p, target, channels);
          else greaterInto(target, p, channels);
        }
      }
      if (isMean) rows.scale(target, target, channels, <f32>1 / <f32>inside);
    }
  }
}

/** y = x where x is greater; NaN never is. */
function greaterInto(y: usize, x: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 4; i += 4) {
    const o = <usize>i << 2;
    v128.store(y + o, f32x4.pmax(v128.load(y + o), v128.load(x + o)));
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    if (load<f32>(x + o) > load<f32>(y + o)) store<f32>(y + o, load<f32>(x + o));
  }
}

/**
 * 14: dx, set to zero first. 15: dy. 16: 0 maximum, 1 mean; 17: x (maximum only); 18: factor of dy for the mean. The first of equal maxima gets the
 * gradient. Units are strips of channels of one image.
 */
export function poolGradient(_thread: i32): void {
  const batch = argument(0), height = argument(1), width = argument(2), channels = argument(3), outHeight = argument(4), outWidth = argument(5);
  const dx = pointer(14), dy = pointer(15), isMean = argument(16) != 0, x = pointer(17), factor = number(18);
  const pixelBytes = <usize>channels << 2, strips = (channels + CHANNELS - 1) / CHANNELS;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= batch * strips) return;
    const channel = (unit % strips) * CHANNELS, n = min(CHANNELS, channels - channel);
    const imageOffset = <usize>(unit / strips) * <usize>(height * width) * pixelBytes + (<usize>channel << 2);
    for (let i = 0; i < height * width; i++) memory.fill(dx + imageOffset + <usize>i * pixelBytes, 0, <usize>n << 2);
    let from = dy + <usize>(unit / strips) * <usize>(outHeight * outWidth) * pixelBytes + (<usize>channel << 2);
    for (let pixel = 0; pixel < outHeight * outWidth; pixel++) {
      const x0 = (pixel % outWidth) * argument(9) - argument(13), y0 = (pixel / outWidth) * argument(8) - argument(12);
      for (let c = 0; c < n; c++) {
        const o = <usize>c << 2, gradient = load<f32>(from + o);
        let best: f32 = -Infinity, place: usize = 0;
        for (let i = 0; i < argument(6); i++) {
          const row = y0 + i * argument(10);
          if (row < 0 || row >= height) continue;
          for (let j = 0; j < argument(7); j++) {
            const column = x0 + j * argument(11);
            if (column < 0 || column >= width) continue;
            const p = imageOffset + <usize>(row * width + column) * pixelBytes + o;
            if (isMean) store<f32>(dx + p, load<f32>(dx + p) + gradient * factor);
            else if (load<f32>(x + p) > best) {
              best = load<f32>(x + p);
              place = p + 1;
            }
          }
        }
        if (place) store<f32>(dx + place - 1, load<f32>(dx + place - 1) + gradient);
      }
      from += pixelBytes;
    }
  }
}
