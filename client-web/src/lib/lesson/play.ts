import type { Attachment } from 'svelte/attachments';

/** Plays a track in a media element. `onblocked` is called when the browser wants a press first. */
export function play(track: MediaStreamTrack, onblocked?: () => void): Attachment<HTMLMediaElement> {
  return (element) => {
    element.srcObject = new MediaStream([track]);
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') onblocked?.();
    });
    return () => {
      element.srcObject = null;
    };
  };
}
