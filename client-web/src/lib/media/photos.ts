// Photos on a dark ground, by PhotoSwipe: pinch, wheel, double tap, pan, swipe, arrow keys. Each begins as its preview, and
// becomes its original once that has come.

import PhotoSwipe, { type SlideData } from 'photoswipe';
import 'photoswipe/style.css';
import { original } from '../../core/original';
import type { Attachment } from '../../core/wire/Attachment';

/** Longer side of a preview whose original may be larger (`SIDE_MAX` of the server), in pixels. */
const PREVIEW_SIDE_PX = 1_280;
/** How much larger: it decides only how large a photo may be shown, never what is loaded. */
const ORIGINAL_TIMES = 4;
/** Each press of a button. */
const ZOOM_STEP = 1.6;

export interface Told {
  /** Which photo is looked at. */
  turned(index: number): void;
  /** The share of its original that has come, 0 to 1; `failed` when it cannot be had, and `undefined` when nothing is on its way. */
  loading(share: number | 'failed' | undefined): void;
  /** Whether its preview is there, or cannot be had either. */
  broken(is: boolean): void;
  tapped(): void;
  closed(): void;
}

export interface Photos {
  zoom(inwards: boolean): void;
  go(by: 1 | -1): void;
  /** Loads what could not be loaded, or what was left out to save traffic. */
  load(): void;
  close(): void;
}

export const address = (photo: Attachment): string => `/api/v1/files/${photo.id}`;

/** Shows photos in `place`. With `saves` originals come only when they are asked for. */
export function showPhotos(place: HTMLElement, photos: readonly Attachment[], names: readonly string[], index: number, saves: boolean, told: Told): Photos {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const pswp = new PhotoSwipe({
    appendToEl: place,
    dataSource: photos.map((photo, k): SlideData => ({ src: `${address(photo)}/preview`, alt: names[k] ?? '', ...room(photo) })),
    index,
    bgOpacity: 1,
    loop: false,
    wheelToZoom: true,
    showHideAnimationType: still ? 'none' : 'fade',
    zoomAnimationDuration: still ? 0 : 250,
    initialZoomLevel: 'fit',
    secondaryZoomLevel: ({ fit }) => fit * 2.5,
    maxZoomLevel: ({ fit }) => Math.max(fit * 8, 4),
    imageClickAction: 'zoom',
    tapAction: () => told.tapped(),
    // The page's own bar has these, and the dialog around it keeps the focus.
    escKey: false,
    trapFocus: false,
    returnFocus: false,
    arrowPrev: false,
    arrowNext: false,
    close: false,
    zoom: false,
    counter: false,
    errorMsg: '',
  });

  const originals = new Map<string, string>();
  let unwanted = new AbortController();

  async function load(): Promise<void> {
    unwanted.abort();
    const own = (unwanted = new AbortController());
    const photo = photos[pswp.currIndex];
    if (!photo) return;
    if (originals.has(photo.id)) return told.loading(undefined);
    told.loading(0);
    try {
      const bytes = await original(address(photo), photo.size, (share) => own.signal.aborted || told.loading(share), own.signal);
      const url = URL.createObjectURL(bytes);
      originals.set(photo.id, url);
      await put(url, photo);
      if (!own.signal.aborted) told.loading(undefined);
    } catch {
      if (!own.signal.aborted) told.loading('failed');
    }
  }

  // Decoded first, so that the preview does not give way to nothing for a moment.
  async function put(url: string, photo: Attachment): Promise<void> {
    const whole = new Image();
    whole.src = url;
    await whole.decode();
    const slide = pswp.currSlide;
    const shown = slide?.content.element;
    if (slide && photos[slide.index] === photo && shown instanceof HTMLImageElement) shown.src = url;
  }

  function turned(): void {
    // Left out until now. It says that it turned once more.
    if (saves && !pswp.currSlide?.content.element) return pswp.refreshSlideContent(pswp.currIndex);
    told.turned(pswp.currIndex);
    told.broken(pswp.currSlide?.content.isError() === true);
    told.loading(undefined);
    if (!saves) void load();
  }

  // Those beside it are put there as soon as it is open, and whenever one turns.
  const isLeftOut = (index: number): boolean => saves && index !== pswp.currIndex;
  pswp.addFilter('placeholderSrc', (src, content) => !isLeftOut(content.index) && (content.data.src ?? src));
  pswp.on('contentLoad', (event) => {
    if (isLeftOut(event.content.index)) event.preventDefault();
  });
  pswp.on('contentLoadImage', (event) => {
    const photo = photos[event.content.index];
    const url = photo && originals.get(photo.id);
    if (url) event.content.data.src = url;
  });
  pswp.on('loadComplete', ({ content, isError }) => {
    if (content.index === pswp.currIndex) told.broken(isError === true);
    // An original may have come before its preview.
    const photo = photos[content.index];
    const url = photo && originals.get(photo.id);
    if (url && content.element instanceof HTMLImageElement && content.element.src !== url) content.element.src = url;
  });
  pswp.on('change', turned);
  pswp.on('destroy', () => {
    unwanted.abort();
    for (const url of originals.values()) URL.revokeObjectURL(url);
    told.closed();
  });
  pswp.init();
  // The dialog around it has the name.
  pswp.element?.removeAttribute('role');

  return {
    zoom: (inwards) => {
      const slide = pswp.currSlide;
      if (!slide?.isZoomable()) return;
      const { min, max } = slide.zoomLevels;
      const level = slide.currZoomLevel * (inwards ? ZOOM_STEP : 1 / ZOOM_STEP);
      slide.zoomTo(Math.min(Math.max(level, min), max), undefined, still ? 0 : 250);
    },
    go: (by) => (by > 0 ? pswp.next() : pswp.prev()),
    load: () => {
      if (pswp.currSlide?.content.isError()) pswp.refreshSlideContent(pswp.currIndex);
      void load();
    },
    close: () => {
      // PhotoSwipe does not hear it while it opens.
      if (pswp.opener.isOpening) pswp.on('openingAnimationEnd', () => queueMicrotask(() => pswp.close()));
      else pswp.close();
    },
  };
}

function room({ preview }: Attachment): { width: number; height: number } {
  const { w, h } = preview ?? { w: PREVIEW_SIDE_PX, h: PREVIEW_SIDE_PX };
  const times = Math.max(w, h) < PREVIEW_SIDE_PX ? 1 : ORIGINAL_TIMES;
  return { width: w * times, height: h * times };
}
