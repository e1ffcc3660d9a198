// One file's upload, with progress. XMLHttpRequest, because fetch cannot report what has been sent.

import { API, ApiError, failure } from './http';
import type { Attachment } from './wire/Attachment';

export interface Upload {
  readonly done: Promise<Attachment>;
  cancel(): void;
}

/** `progress` is told the share that has been sent, 0 to 1. A cancelled upload rejects with `AbortError`. */
export function upload(room: string, file: File, progress: (share: number) => void): Upload {
  const xhr = new XMLHttpRequest();
  const done = new Promise<Attachment>((resolve, reject) => {
    xhr.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
    xhr.onload = () => {
      if (xhr.status === 200) resolve(JSON.parse(xhr.responseText) as Attachment);
      else reject(failure(xhr.responseText));
    };
    xhr.onerror = () => reject(new ApiError('offline'));
    xhr.onabort = () => reject(new DOMException('', 'AbortError'));
    xhr.open('POST', `${API}/rooms/${encodeURIComponent(room)}/files`);
    xhr.setRequestHeader('x-file-name', encodeURIComponent(file.name));
    xhr.setRequestHeader('content-type', 'application/octet-stream');
    xhr.send(file);
  });
  return { done, cancel: () => xhr.abort() };
}
