// One file's upload in pieces (tus 1.0.0): it goes on where the network, the page or the server broke it off.

import { API, ApiError, api, failure } from './http';
import type { Attachment } from './wire/Attachment';
import type { Recording } from './wire/Recording';

/** Bytes of a piece. A proxy may hold a piece back until it is whole, and what it holds is lost with the line. */
const PIECE_BYTES = 8 * 1_048_576;
/** Milliseconds before each try while nothing gets through: some five minutes in all. Progress begins them anew. */
const TRIES_AFTER = [0, 1_000, 2_000, 5_000, ...new Array<number>(30).fill(10_000)];

/** Why an upload ends here although the server is to keep what it has. */
const LEFT = 'left';

export interface Upload {
  readonly done: Promise<Attachment>;
  /** The server forgets it. */
  cancel(): void;
  /** Another page goes on with it. */
  leave(): void;
}

export interface Told {
  /** The share that has been sent, 0 to 1. */
  progress(share: number): void;
  /** Where it goes on when this page is no more. */
  begun(url: string): void;
}

/** Starts an upload, or goes on with the one at `url`. One that is cancelled or left rejects with `AbortError`. */
export function upload(room: string, file: File, url: string | undefined, told: Told, rec?: Recording): Upload {
  const cancelled = new AbortController();
  const done = run(room, file, url, told, cancelled.signal, rec);
  return { done, cancel: () => cancelled.abort(), leave: () => cancelled.abort(LEFT) };
}

async function run(room: string, file: File, url: string | undefined, told: Told, cancelled: AbortSignal, rec: Recording | undefined): Promise<Attachment> {
  // Needed by nobody who only reads.
  const tus = await import('tus-js-client').catch(() => {
    throw new ApiError('offline');
  });
  const at = await new Promise<string>((resolve, reject) => {
    const sent = new tus.Upload(file, {
      endpoint: `${API}/rooms/${encodeURIComponent(room)}/uploads`,
      ...(url ? { uploadUrl: url } : {}),
      chunkSize: PIECE_BYTES,
      metadata: { filename: file.name, ...(rec ? { recording: JSON.stringify(rec) } : {}) },
      retryDelays: TRIES_AFTER,
      storeFingerprintForResuming: false,
      onUploadUrlAvailable: () => told.begun(sent.url ?? ''),
      onProgress: (bytes, all) => told.progress(all > 0 ? bytes / all : 0),
      onShouldRetry: (error) => mayPass('originalResponse' in error ? error.originalResponse?.getStatus() : undefined),
      onSuccess: () => resolve(sent.url ?? ''),
      onError: (error) => reject(refusal(error)),
    });
    cancelled.addEventListener('abort', () => {
      void sent.abort(cancelled.reason !== LEFT).catch(() => undefined);
      reject(new DOMException('', 'AbortError'));
    });
    if (cancelled.aborted) return reject(new DOMException('', 'AbortError'));
    sent.start();
  });
  return api<Attachment>('GET', at.slice(at.indexOf(API) + API.length));
}

/** Whether another try may do: no answer, a server in trouble, somebody else at work on the same upload. */
const mayPass = (status = 0): boolean => status === 0 || status >= 500 || [409, 423, 429].includes(status);

function refusal(error: Error): ApiError {
  const answer = 'originalResponse' in error ? (error.originalResponse as { getBody(): string; getStatus(): number } | null) : null;
  return answer && answer.getStatus() !== 0 ? failure(answer.getBody()) : new ApiError('offline');
}
