// Small real files, made here.
import { crc32, deflateSync } from 'node:zlib';

/**
 * @param {string} type
 * @param {Buffer} data
 */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
}

/**
 * A PNG with a colour gradient.
 * @param {number} width
 * @param {number} height
 */
export function png(width, height) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      rows.set([(x * 255) / width, (y * 255) / height, 128], y * (1 + width * 3) + 1 + x * 3);
    }
  }
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A PDF of one empty page with bytes of every value in a comment, so that no copy may change one. */
export function pdf() {
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 10 && byte !== 13));
  const parts = [
    Buffer.from('%PDF-1.4\n%'),
    every,
    Buffer.from(
      '\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n' +
        '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n',
    ),
  ];
  return Buffer.concat(parts);
}

/**
 * What a camera writes beside the picture of a JPEG: that it is to be turned to the right (orientation 6), and where it was taken.
 * @param {Buffer} jpeg
 */
export function withExif(jpeg) {
  const tiff = Buffer.alloc(8 + 2 + 2 * 12 + 4 + 2 + 2 * 12 + 4 + 24);
  let at = 0;
  const short = (/** @type {number} */ value) => (at = tiff.writeUInt16LE(value, at));
  const long = (/** @type {number} */ value) => (at = tiff.writeUInt32LE(value, at));
  const entry = (/** @type {number[]} */ [tag = 0, type = 0, count = 0, value = 0]) => {
    short(tag);
    short(type);
    long(count);
    long(value);
  };
  const [GPS, LATITUDE] = [38, 68];
  at = tiff.write('II*\0', at, 'latin1');
  long(8);
  short(2);
  entry([0x0112, 3, 1, 6]);
  entry([0x8825, 4, 1, GPS]);
  long(0);
  short(2);
  entry([1, 2, 2, 'N'.charCodeAt(0)]);
  entry([2, 5, 3, LATITUDE]);
  long(0);
  for (const part of [55, 1, 45, 1, 7, 1]) long(part);
  const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length + 2);
  return Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xe1]), length, body, jpeg.subarray(2)]);
}
