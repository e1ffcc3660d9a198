import { beforeNavigate } from '$app/navigation';

/**
 * On a phone the button for going back closes what lies over the page, and leaves the page itself when it is pressed again.
 * `close` says whether anything was open. Called while a component is set up.
 */
export function backCloses(close: () => boolean): void {
  beforeNavigate((navigation) => {
    if (navigation.type === 'popstate' && navigation.delta < 0 && matchMedia('(max-width: 47.99rem)').matches && close()) navigation.cancel();
  });
}
