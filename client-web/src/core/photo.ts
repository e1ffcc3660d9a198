// Photos are made smaller before they are sent, as other messengers do: a phone has four megabytes of each, a screen shows a
// tenth of that, and a bad line takes minutes. What the camera wrote beside the picture, the place above all, is not in the copy.

/** Longer side of the copy, in pixels: a page of handwriting can be read. */
export const SIDE_MAX_PX = 2_048;
/** What has no more bytes, and no longer side, goes as it is. */
export const BYTES_MAX = 1_048_576;
/** Of the copy, 0 to 1. */
export const JPEG_QUALITY = 0.82;
/** A longer side of more than so many shorter ones is a chat or a table in one picture: it could not be read in a copy. */
const TALL = 3;
/** What has more pixels is not decoded: a phone has no room for them. */
export const PIXELS_MAX = 52_000_000;
/** So much of the beginning tells what it is, in bytes: what a camera writes there may be longer than one segment. */
export const HEAD_BYTES = 262_144;
/** Between two steps a picture loses half of each side at most: in one step thin lines would be lost. */
const STEP = 2;
/** What transparency is looked for in, in pixels. */
const LOOKED_AT_PX = 32;
/** Less than this is not quite opaque, of 255; a browser may round. */
const OPAQUE = 250;

export type Kind = 'jpeg' | 'png' | 'webp' | 'heif';

/** What of these bytes' kind is made smaller, if anything: no pictures that move. */
export function kindOf(head: Uint8Array): Kind | undefined {
  const text = (from: number, to?: number): string => new TextDecoder('latin1').decode(head.subarray(from, to));
  if (head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff) return 'jpeg';
  // The animation's chunk stands before the picture's.
  if (text(1, 8) === 'PNG\r\n\x1a\n') return text(8).split('IDAT')[0]?.includes('acTL') ? undefined : 'png';
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return text(12, 16) === 'VP8X' && ((head[20] ?? 0) & 2) !== 0 ? undefined : 'webp';
  if (text(4, 8) === 'ftyp' && ['heic', 'heix', 'heim', 'heis', 'mif1'].includes(text(8, 12))) return 'heif';
  return undefined;
}

/** Whether a camera wrote into a JPEG where it was: EXIF, whose first directory then has a tag `GPSInfo`. */
export function hasPlace(head: Uint8Array): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const short = (at: number, little = false): number => (at + 2 <= view.byteLength ? view.getUint16(at, little) : 0);
  for (let at = 2; short(at) > 0xffbf && short(at) !== 0xffda; at += 2 + short(at + 2)) {
    if (short(at) !== 0xffe1 || new TextDecoder('latin1').decode(head.subarray(at + 4, at + 10)) !== 'Exif\0\0') continue;
    const tiff = at + 10;
    const little = short(tiff) === 0x4949;
    const directory = tiff + (tiff + 8 <= view.byteLength ? view.getUint32(tiff + 4, little) : 0);
    return Array.from({ length: short(directory, little) }, (_, k) => short(directory + 2 + k * 12, little)).includes(0x8825);
  }
  return false;
}

/** How many pixels a JPEG says it has; 0 when it does not say so in its beginning. */
export function pixelsOf(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const short = (at: number): number => (at + 2 <= view.byteLength ? view.getUint16(at) : 0);
  for (let at = 2; short(at) > 0xffbf && short(at) !== 0xffda; at += 2 + short(at + 2)) {
    // The beginning of a frame, of whichever kind; three of these numbers are something else.
    if (short(at) <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(short(at))) return short(at + 5) * short(at + 7);
  }
  return 0;
}

/** How large a copy of so many pixels is; none of what is much longer than wide, or wider than high. */
export function fit(width: number, height: number, side = SIDE_MAX_PX): { width: number; height: number } | undefined {
  if (Math.max(width, height) > TALL * Math.min(width, height)) return undefined;
  const times = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * times)), height: Math.max(1, Math.round(height * times)) };
}

/** Whether a photo goes as a copy. Screenshots stay sharp: a PNG does unless it is large. What few can show always does. */
export function isTooLarge(kind: Kind, bytes: number, width: number, height: number): boolean {
  if (kind === 'heif') return true;
  return bytes > BYTES_MAX || (kind !== 'png' && Math.max(width, height) > SIDE_MAX_PX);
}

/** The copy's name. */
export const copyName = (name: string): string => (/\.jpe?g$/iu.test(name) ? name : `${name.replace(/\.[^.]*$/u, '')}.jpg`);

/**
 * A copy of a photo, upright, smaller and without a place; none when it has none and is small enough or much longer than wide,
 * or when it moves, is transparent or has too many pixels. Rejects what cannot be read.
 */
export async function smaller(photo: Blob): Promise<Blob | undefined> {
  const head = new Uint8Array(await photo.slice(0, HEAD_BYTES).arrayBuffer());
  const kind = kindOf(head);
  if (!kind || (kind === 'png' && photo.size <= BYTES_MAX) || (kind === 'jpeg' && pixelsOf(head) > PIXELS_MAX)) return undefined;
  const whole = await createImageBitmap(photo, { imageOrientation: 'from-image' });
  try {
    const { width, height } = whole;
    const tells = kind === 'jpeg' && hasPlace(head);
    if (!tells && !isTooLarge(kind, photo.size, width, height)) return undefined;
    // What must not go as it is goes in its own size.
    const size = fit(width, height) ?? (tells || kind === 'heif' ? { width, height } : undefined);
    if (!size || isForged() || (kind !== 'jpeg' && isTransparent(whole))) return undefined;
    const copy = await encode(drawn(whole, size));
    return tells || copy.size < photo.size ? copy : undefined;
  } finally {
    whole.close();
  }
}

type Canvas = OffscreenCanvas | HTMLCanvasElement;
type Drawing = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;

function canvasOf(width: number, height: number): Canvas {
  if (typeof OffscreenCanvas !== 'undefined') return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement('canvas'), { width, height });
}

function drawingOn(canvas: Canvas, settings: CanvasRenderingContext2DSettings): Drawing {
  const drawing = canvas.getContext('2d', settings) as Drawing | null;
  if (!drawing) throw new Error('no canvas');
  return drawing;
}

// Some browsers give others pixels than were drawn, so that nobody is known again by their canvas: the copy would be noise.
function isForged(): boolean {
  const drawing = drawingOn(canvasOf(LOOKED_AT_PX, LOOKED_AT_PX), { willReadFrequently: true });
  drawing.fillStyle = '#204060';
  drawing.fillRect(0, 0, LOOKED_AT_PX, LOOKED_AT_PX);
  const { data } = drawing.getImageData(0, 0, LOOKED_AT_PX, LOOKED_AT_PX);
  return data.some((value, k) => value !== [0x20, 0x40, 0x60, 0xff][k % 4]);
}

// A JPEG has no transparency: it would be black.
function isTransparent(picture: ImageBitmap): boolean {
  const drawing = drawingOn(canvasOf(LOOKED_AT_PX, LOOKED_AT_PX), { willReadFrequently: true });
  drawing.drawImage(picture, 0, 0, LOOKED_AT_PX, LOOKED_AT_PX);
  const { data } = drawing.getImageData(0, 0, LOOKED_AT_PX, LOOKED_AT_PX);
  return data.some((value, k) => k % 4 === 3 && value < OPAQUE);
}

function drawn(picture: ImageBitmap, { width, height }: { width: number; height: number }): Canvas {
  let from: ImageBitmap | Canvas = picture;
  for (;;) {
    const isLast: boolean = from.width <= width * STEP;
    const canvas: Canvas = isLast ? canvasOf(width, height) : canvasOf(Math.ceil(from.width / STEP), Math.ceil(from.height / STEP));
    const drawing = drawingOn(canvas, { alpha: false });
    drawing.imageSmoothingQuality = 'high';
    // Under what is a little transparent there would be black.
    drawing.fillStyle = '#fff';
    drawing.fillRect(0, 0, canvas.width, canvas.height);
    drawing.drawImage(from, 0, 0, canvas.width, canvas.height);
    if (isLast) return canvas;
    from = canvas;
  }
}

async function encode(canvas: Canvas): Promise<Blob> {
  if ('convertToBlob' in canvas) return canvas.convertToBlob({ type: 'image/jpeg', quality: JPEG_QUALITY });
  const made = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', JPEG_QUALITY));
  if (!made) throw new Error('no picture');
  return made;
}
