// A finger that stays, the right button of a mouse, the menu key of a keyboard: they ask for more about something.

const HOLD_MS = 500;
/** A finger that moves on scrolls. */
const STILL_PX = 10;

/** An attachment that calls `act` then, and keeps the click that ends a long press from doing something else. */
export function longPress(act: (element: Element) => void): (element: HTMLElement) => () => void {
  return (element) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let from = { x: 0, y: 0 };
    let held = false;
    const stop = (): void => clearTimeout(timer);
    const own = new AbortController();
    const on = <K extends keyof HTMLElementEventMap>(kind: K, hear: (event: HTMLElementEventMap[K]) => void): void =>
      element.addEventListener(kind, hear, { signal: own.signal, capture: true });
    on('pointerdown', (event) => {
      held = false;
      from = { x: event.clientX, y: event.clientY };
      stop();
      if (event.pointerType !== 'mouse') timer = setTimeout(() => {
        held = true;
        act(element);
      }, HOLD_MS);
    });
    on('pointermove', (event) => {
      if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL_PX) stop();
    });
    on('pointerup', stop);
    on('pointercancel', stop);
    on('contextmenu', (event) => {
      event.preventDefault();
      stop();
      if (!held) act(element);
    });
    on('click', (event) => {
      if (!held) return;
      held = false;
      event.preventDefault();
      event.stopImmediatePropagation();
    });
    return () => {
      stop();
      own.abort();
    };
  };
}
