import { expect, test } from 'vitest';
import { BYTES_MAX, copyName, fit, hasPlace, isTooLarge, kindOf, PIXELS_MAX, pixelsOf, SIDE_MAX_PX } from '../src/core/photo';
import { mayBePhoto } from '../src/core/photo-files';

const bytes = (...parts: (string | number)[]): Uint8Array =>
  new Uint8Array(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part].map((letter) => letter.charCodeAt(0)))));
const PNG = bytes(0x89, 'PNG\r\n\x1a\n', 0, 0, 0, 13, 'IHDR');

test('a picture is known by its bytes, and one that moves is left alone', () => {
  expect(kindOf(bytes(0xff, 0xd8, 0xff, 0xe1))).toBe('jpeg');
  expect(kindOf(new Uint8Array([...PNG, ...bytes('....IDAT....acTL')]))).toBe('png');
  expect(kindOf(new Uint8Array([...PNG, ...bytes('....acTL....IDAT')]))).toBeUndefined();
  expect(kindOf(bytes('RIFF....WEBPVP8 ....'))).toBe('webp');
  expect(kindOf(bytes('RIFF....WEBPVP8X....', 0x10))).toBe('webp');
  expect(kindOf(bytes('RIFF....WEBPVP8X....', 0x12))).toBeUndefined();
  expect(kindOf(bytes(0, 0, 0, 24, 'ftypheic'))).toBe('heif');
  for (const other of ['GIF89a', '%PDF-1.4', '<svg xmlns=', '']) expect(kindOf(bytes(other))).toBeUndefined();
});

test('whether a camera wrote where it was is read from what it wrote', () => {
  const tags = (...ids: number[]): number[] => [ids.length, 0, ...ids.flatMap((id) => [id & 255, id >> 8, ...new Array<number>(10).fill(0)])];
  const exif = (...directory: number[]): Uint8Array =>
    bytes(0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xe1, 0, 16 + directory.length, 'Exif', 0, 0, 'II*', 0, 8, 0, 0, 0, ...directory, 0xff, 0xda);
  expect(hasPlace(exif(...tags(0x0112, 0x8825)))).toBe(true);
  expect(hasPlace(exif(...tags(0x0112)))).toBe(false);
  expect(hasPlace(bytes(0xff, 0xd8, 0xff, 0xdb, 0, 4, 1, 2, 0xff, 0xda))).toBe(false);
  // Cut off anywhere, it is read without harm.
  const whole = exif(...tags(0x0112, 0x8825));
  for (let length = 0; length < whole.length; length++) expect(() => hasPlace(whole.subarray(0, length))).not.toThrow();
});

test('only what the system calls a photo is looked at', () => {
  const file = (name: string, type: string): File => new File(['x'], name, { type });
  expect(mayBePhoto(file('a.jpg', 'image/jpeg'))).toBe(true);
  expect(mayBePhoto(file('a.HEIC', ''))).toBe(true);
  expect(mayBePhoto(file('a.gif', 'image/gif'))).toBe(false);
  expect(mayBePhoto(file('a.pdf', 'application/pdf'))).toBe(false);
});

test('the longer side becomes the longest that is sent, whichever it is', () => {
  expect(fit(4_000, 3_000)).toEqual({ width: SIDE_MAX_PX, height: 1_536 });
  expect(fit(3_000, 4_000)).toEqual({ width: 1_536, height: SIDE_MAX_PX });
  expect(fit(800, 600)).toEqual({ width: 800, height: 600 });
});

test('what is much longer than wide stays as it is: it could not be read', () => {
  expect(fit(1_080, 12_000)).toBeUndefined();
  expect(fit(20_000, 3)).toBeUndefined();
  expect(fit(1_000, 3_000)).toEqual({ width: 683, height: SIDE_MAX_PX });
});

test('how many pixels a JPEG has is read before it is decoded', () => {
  const frame = (marker: number, ...size: number[]): number[] => [0xff, marker, 0, 11, 8, ...size, 1, 1, 0x11, 0];
  const jpeg = (...parts: (string | number)[]): Uint8Array => bytes(0xff, 0xd8, 0xff, 0xe1, 0, 6, 'Exif', ...parts, 0xff, 0xda);
  expect(pixelsOf(jpeg(...frame(0xc0, 0x0b, 0xb8, 0x0f, 0xa0)))).toBe(3_000 * 4_000);
  // A progressive one after its tables.
  const large = jpeg(0xff, 0xc4, 0, 8, 1, 2, 3, 4, 5, 6, ...frame(0xc2, 0x23, 0x28, 0x2e, 0xe0));
  expect(pixelsOf(large)).toBe(9_000 * 12_000);
  expect(pixelsOf(large)).toBeGreaterThan(PIXELS_MAX);
  expect(pixelsOf(jpeg())).toBe(0);
  for (let length = 0; length < large.length; length++) expect(() => pixelsOf(large.subarray(0, length))).not.toThrow();
});

test('small ones go as they are, and a screenshot does too unless it is heavy', () => {
  expect(isTooLarge('jpeg', BYTES_MAX, SIDE_MAX_PX, 100)).toBe(false);
  expect(isTooLarge('jpeg', BYTES_MAX + 1, 100, 100)).toBe(true);
  expect(isTooLarge('webp', 100, 100, SIDE_MAX_PX + 1)).toBe(true);
  expect(isTooLarge('png', BYTES_MAX, 1_080, 2_400)).toBe(false);
  expect(isTooLarge('png', BYTES_MAX + 1, 1_080, 2_400)).toBe(true);
  expect(isTooLarge('heif', 100, 100, 100)).toBe(true);
});

test('the copy is named by what it is', () => {
  expect(copyName('IMG_2026.HEIC')).toBe('IMG_2026.jpg');
  expect(copyName('опыт 1.JPG')).toBe('опыт 1.JPG');
  expect(copyName('снимок.экрана.png')).toBe('снимок.экрана.jpg');
  expect(copyName('фото')).toBe('фото.jpg');
});
