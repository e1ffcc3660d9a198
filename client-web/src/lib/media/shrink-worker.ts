// Makes a photo smaller where nobody waits for it.

import { smaller } from '../../core/photo';

/** The copy; none when the photo goes as it is. */
export interface Shrunk {
  readonly copy?: Blob;
}

const answer = (shrunk: Shrunk): void => postMessage(shrunk);

onmessage = ({ data }: MessageEvent<Blob>): void => {
  smaller(data).then(
    (copy) => answer(copy ? { copy } : {}),
    () => answer({}),
  );
};
