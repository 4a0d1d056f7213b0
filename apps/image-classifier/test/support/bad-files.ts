import { crc32, deflateSync } from 'node:zlib';

import sharp from 'sharp';

/** Files that are no pictures, or broken ones, with a part of what is said about each. */
export async function badFiles(): Promise<{ name: string; bytes: Buffer; message: RegExp }[]> {
  const noise = Buffer.from(Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251));
  const jpeg = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
    .jpeg()
    .toBuffer();
  return [
    { name: 'notes.txt', bytes: Buffer.from('not a picture at all\n'), message: /got text/i },
    { name: 'empty.png', bytes: Buffer.alloc(0), message: /got 0 bytes/i },
    { name: 'half.jpg', bytes: jpeg.subarray(0, jpeg.length / 2), message: /jpeg/i },
    { name: 'huge.png', bytes: hugePng(), message: /14000 x 14000/ },
    {
      name: 'drawing.svg',
      bytes: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>'),
      message: /SVG/,
    },
    {
      name: '<img src=x onerror=alert(1)>.png',
      bytes: Buffer.from('\x89PNG\r\n\x1a\nbroken', 'latin1'),
      message: /png/i,
    },
  ];
}

/** A PNG of a few hundred kilobytes that claims 14,000 x 14,000 pixels, as a whole file: chunks, checksums and all. */
function hugePng(): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(14_000, 0);
  header.writeUInt32BE(14_000, 4);
  header.set([8, 0, 0, 0, 0], 8); // 8 bits of grey
  const pixels = deflateSync(Buffer.alloc(14_000 * 14_001));
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
