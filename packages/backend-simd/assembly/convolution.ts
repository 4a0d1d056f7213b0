/**
 * Images [batch, height, width, channels]: windows laid out as rows of a matrix, so that convolutions become matrix products, and pooling.
 *
 * Arguments of all kernels: 0 batch, 1 height, 2 width, 3 channels, 4 output height, 5 output width, 6 filter height, 7 filter width, 8 and 9 strides,
 * 10 and 11 dilations, 12 and 13 padding above and to the left, 14 image, 15 the other tensor (see there), 16.. more (see there).
 */
import { argument, awaitPhase, finishUnit, nextUnit, number, pointer } from './control';
import { DEPTH, EDGE_BYTES, finish, multiplyPanels } from './matrix-product';
import { packPanels, PANEL, panelPitch } from './pack';
import * as rows from './rows';

const PIXELS: i32 = 16;
const CHANNELS: i32 = 32;

/** 15: rows [batch * output pixels, filter height * filter width * channels]. */
export function imageToRows(_thread: i32): void {
  const count = argument(0) * argument(4) * argument(5), rowBytes = <usize>(argument(6) * argument(7) * argument(3)) << 2;
  for (;;) {
    const first = nextUnit(0) * PIXELS;
    if (first >= count) return;
    layOut(first, min(count, first + PIXELS), pointer(15) + <usize>first * rowBytes);
  }
}

/** Writes the windows of output pixels [first, last), one after another. */
function layOut(first: i32, last: i32, to: usize): void {
  const height = argument(1), width = argument(2), outHeight = argument(4), outWidth = argument(5);
  const filterHeight = argument(6), filterWidth = argument(7), rowStep = argument(10), columnStep = argument(11), image = pointer(14);
  const pixelBytes = <usize>argument(3) << 2;
  for (let pixel = first; pixel < last; pixel++) {
    const x0 = (pixel % outWidth) * argument(9) - argument(13), y0 = ((pixel / outWidth) % outHeight) * argument(8) - argument(12);
    const source = image + <usize>(pixel / (outWidth * outHeight)) * <usize>(height * width) * pixelBytes;
    // A row of the window is one run where all of it is inside and nothing is skipped.
    const isRun = columnStep == 1 && x0 >= 0 && x0 + filterWidth <= width;
    for (let i = 0; i < filterHeight; i++) {
      const y = y0 + i * rowStep, isInside = y >= 0 && y < height;
      if (isRun) {
        const bytes = <usize>filterWidth * pixelBytes;
        if (isInside) copyFloats(to, source + <usize>(y * width + x0) * pixelBytes, bytes);
        else memory.fill(to, 0, bytes);
        to += bytes;
        continue;
      }
      for (let j = 0; j < filterWidth; j++) {
        const x = x0 + j * columnStep;
        if (isInside && x >= 0 && x < width) copyFloats(to, source + <usize>(y * width + x) * pixelBytes, pixelBytes);
        else memory.fill(to, 0, pixelBytes);
        to += pixelBytes;
      }
    }
  }
}

@inline function copyFloats(to: usize, from: usize, bytes: usize): void {
  let o: usize = 0;
  for (; o + 32 <= bytes; o += 32) {
    const a = v128.load(from + o), b = v128.load(from + o, 16);
    v128.store(to + o, a);
    v128.store(to + o, b, 16);
  }
  for (; o < bytes; o += 4) store<f32>(to + o, load<f32>(from + o));
}

/**
 * A whole convolution: each unit lays out the windows of some output pixels in its own scratch memory and multiplies them with the filter.
 *
 * 15: y, 16 filter [filter height * filter width * channels, output channels], 17 output channels, 18 packed filter, 19 bias or 0, 20 activation,
 * 21 pre-activation, 22 pixels per unit, 23 scratch, 24 scratch per thread, 25 panels per packing unit.
 */
export function convolution(thread: i32): void {
  const pixels = argument(0) * argument(4) * argument(5), depth = argument(6) * argument(7) * argument(3), columns = argument(17), unitPixels = argument(22);
  const y = pointer(15), packed = pointer(18), bias = pointer(19), activation = argument(20), pre = pointer(21), group = argument(25);
  const edge = pointer(23) + <usize>thread * pointer(24), windows = edge + EDGE_BYTES;
  const yStride = <usize>columns << 2, windowStride = <usize>depth << 2, panels = (columns + PANEL - 1) / PANEL, pitch = panelPitch(depth);
  const packUnits = (panels + group - 1) / group;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= packUnits) break;
    packPanels(false, pointer(16), yStride, depth, columns, unit * group, min(panels, (unit + 1) * group), packed, pitch);
    finishUnit(0);
  }
  awaitPhase(0, packUnits);
  for (;;) {
    const first = nextUnit(1) * unitPixels;
    if (first >= pixels) return;
    const count = min(unitPixels, pixels - first), o = <usize>first * yStride;
    layOut(first, first + count, windows);
    for (let k0 = 0; k0 < depth; k0 += DEPTH) {
      multiplyPanels(count, columns, min(DEPTH, depth - k0), windows + (<usize>k0 << 2), windowStride, false, packed + (<usize>(k0 * PANEL) << 2), pitch, y + o, yStride, k0 > 0, edge);
    }
    if (bias || activation) finish(y + o, yStride, count, columns, 0, bias, activation, pre ? pre + o : 0, 0);
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
  const filterHeight = argument(6), filterWidth = argument(7), rowStep = argument(10), columnStep = argument(11);
  const image = pointer(14), y = pointer(15), isMean = argument(16) != 0;
  const count = argument(0) * outHeight * outWidth, pixelBytes = <usize>channels << 2;
  const down = <usize>(rowStep * width) * pixelBytes, right = <usize>columnStep * pixelBytes;
  for (;;) {
    const first = nextUnit(0) * PIXELS;
    if (first >= count) return;
    for (let pixel = first; pixel < min(count, first + PIXELS); pixel++) {
      const x0 = (pixel % outWidth) * argument(9) - argument(13), y0 = ((pixel / outWidth) % outHeight) * argument(8) - argument(12);
      const firstRow = firstInside(y0, rowStep), windowRows = endInside(y0, rowStep, filterHeight, height) - firstRow;
      const firstColumn = firstInside(x0, columnStep), windowColumns = endInside(x0, columnStep, filterWidth, width) - firstColumn;
      const corner = image + <usize>((pixel / (outWidth * outHeight)) * (height * width) + (y0 + firstRow * rowStep) * width + x0 + firstColumn * columnStep) * pixelBytes;
      const target = y + <usize>pixel * pixelBytes;
      if (isMean) meanOfWindow(corner, target, channels, windowRows, windowColumns, down, right);
      else largestOfWindow(corner, target, channels, windowRows, windowColumns, down, right);
    }
  }
}

/** y = the largest numbers of a window; NaN never is. */
function largestOfWindow(x: usize, y: usize, n: i32, height: i32, width: i32, down: usize, right: usize): void {
  let c = 0;
  for (; c <= n - 8; c += 8) {
    const o = <usize>c << 2;
    let a = f32x4.splat(-Infinity), b = a;
    for (let i = 0; i < height; i++) {
      let p = x + <usize>i * down + o;
      for (let j = 0; j < width; j++) {
        a = f32x4.pmax(a, v128.load(p));
        b = f32x4.pmax(b, v128.load(p, 16));
        p += right;
      }
    }
    v128.store(y + o, a);
    v128.store(y + o, b, 16);
  }
  for (; c < n; c++) {
    const o = <usize>c << 2;
    let best: f32 = -Infinity;
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const value = load<f32>(x + <usize>i * down + <usize>j * right + o);
        if (value > best) best = value;
      }
    }
    store<f32>(y + o, best);
  }
}

function meanOfWindow(x: usize, y: usize, n: i32, height: i32, width: i32, down: usize, right: usize): void {
  setZero(y, n);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) rows.add(y, x + <usize>i * down + <usize>j * right, y, n);
  }
  rows.scale(y, y, n, <f32>1 / <f32>(height * width));
}

/**
 * 14: dx, set to zero first. 15: dy. 16: 0 maximum, 1 mean; 17: x (maximum only); 18: factor of dy for the mean. The first of equal maxima gets the
 * gradient. Units are strips of channels of one image.
 */
export function poolGradient(_thread: i32): void {
  const batch = argument(0), height = argument(1), width = argument(2), channels = argument(3), outHeight = argument(4), outWidth = argument(5);
  const dx = pointer(14), dy = pointer(15), isMean = argument(16) != 0, x = pointer(17), factor = number(18);
  const filterHeight = argument(6), filterWidth = argument(7), rowStep = argument(10), columnStep = argument(11);
  const pixelBytes = <usize>channels << 2, strips = (channels + CHANNELS - 1) / CHANNELS;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= batch * strips) return;
    const channel = (unit % strips) * CHANNELS, n = min(CHANNELS, channels - channel);
    const imageOffset = <usize>(unit / strips) * <usize>(height * width) * pixelBytes + (<usize>channel << 2);
    for (let i = 0; i < height * width; i++) setZero(dx + imageOffset + <usize>i * pixelBytes, n);
    let from = dy + <usize>(unit / strips) * <usize>(outHeight * outWidth) * pixelBytes + (<usize>channel << 2);
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const y0 = outRow * argument(8) - argument(12), firstRow = firstInside(y0, rowStep), lastRow = endInside(y0, rowStep, filterHeight, height);
      for (let outColumn = 0; outColumn < outWidth; outColumn++) {
        const x0 = outColumn * argument(9) - argument(13), firstColumn = firstInside(x0, columnStep), lastColumn = endInside(x0, columnStep, filterWidth, width);
        const corner = imageOffset + <usize>((y0 + firstRow * rowStep) * width + x0 + firstColumn * columnStep) * pixelBytes;
        const windowRows = lastRow - firstRow, windowColumns = lastColumn - firstColumn;
        const down = <usize>(rowStep * width) * pixelBytes, right = <usize>columnStep * pixelBytes;
        if (isMean) spreadMean(dx + corner, from, n, windowRows, windowColumns, down, right, factor);
        else giveToLargest(dx + corner, x + corner, from, n, windowRows, windowColumns, down, right);
        from += pixelBytes;
      }
    }
  }
}

/** The first place of a window that isn't before the image. */
@inline function firstInside(start: i32, step: i32): i32 {
  return start < 0 ? (step - 1 - start) / step : 0;
}
/** One more than the last place of a window that isn't behind the image; not below the first. */
@inline function endInside(start: i32, step: i32, filter: i32, size: i32): i32 {
  return max(firstInside(start, step), min(filter, (size - start + step - 1) / step));
}

function setZero(y: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 4; i += 4) v128.store(y + (<usize>i << 2), f32x4.splat(0));
  for (; i < n; i++) store<f32>(y + (<usize>i << 2), 0);
}

/** dx += dy * factor, on the whole window. */
function spreadMean(dx: usize, dy: usize, n: i32, height: i32, width: i32, down: usize, right: usize, factor: f32): void {
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) rows.addScaled(dy, factor, dx + <usize>i * down + <usize>j * right, n);
  }
}

/** dx += dy at the first of the largest numbers of the window; nowhere where none is above -infinity. */
function giveToLargest(dx: usize, x: usize, dy: usize, n: i32, height: i32, width: i32, down: usize, right: usize): void {
  let c = 0;
  for (; c <= n - 4; c += 4) {
    const o = <usize>c << 2, gradient = v128.load(dy + o);
    let best = f32x4.splat(-Infinity), place = i32x4.splat(-1), number = 0;
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const value = v128.load(x + <usize>i * down + <usize>j * right + o), isLarger = f32x4.gt(value, best);
        best = v128.bitselect(value, best, isLarger);
        place = v128.bitselect(i32x4.splat(number), place, isLarger);
        number++;
      }
    }
    number = 0;
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const p = dx + <usize>i * down + <usize>j * right + o;
        v128.store(p, f32x4.add(v128.load(p), v128.and(gradient, i32x4.eq(place, i32x4.splat(number)))));
        number++;
      }
    }
  }
  for (; c < n; c++) {
    const o = <usize>c << 2;
    let best: f32 = -Infinity, place: usize = 0;
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const p = <usize>i * down + <usize>j * right + o, value = load<f32>(x + p);
        if (value > best) {
          best = value;
          place = p + 1;
        }
      }
    }
    if (place) store<f32>(dx + place - 1, load<f32>(dx + place - 1) + load<f32>(dy + o));
  }
}
