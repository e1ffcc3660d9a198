// The system's own buttons for a call: media keys, the lock screen, a small window. What a browser lacks is left out.

type Keys = Readonly<Partial<Record<'togglemicrophone' | 'togglecamera' | 'hangup', () => void>>>;

/** Takes the keys; the answer gives them back. */
export function mediaKeys(keys: Keys): () => void {
  const session = navigator.mediaSession as MediaSession | undefined;
  const set = (key: string, run: (() => void) | null): void => {
    try {
      // The library of types knows fewer keys than browsers do.
      session?.setActionHandler(key as MediaSessionAction, run);
    } catch {
      // An unknown key is an error.
    }
  };
  for (const [key, run] of Object.entries(keys)) set(key, run);
  return () => {
    for (const key of Object.keys(keys)) set(key, null);
    if (session) session.metadata = null;
  };
}

/** Shows which lesson this is and what of one's own is on. */
export function showState(title: string, on: { readonly mic: boolean; readonly camera: boolean }): void {
  const session = navigator.mediaSession as (MediaSession & Partial<CallSwitches>) | undefined;
  if (!session || typeof MediaMetadata === 'undefined') return;
  if (session.metadata?.title !== title) session.metadata = new MediaMetadata({ title });
  session.setMicrophoneActive?.(on.mic);
  session.setCameraActive?.(on.camera);
}

/** W3C Media Session, §5: not in every browser. */
interface CallSwitches {
  setMicrophoneActive(active: boolean): unknown;
  setCameraActive(active: boolean): unknown;
}
