// Requests to /api/v1. Failures are `ApiError`s with the server's code, or 'offline' when there was no answer.

import type { ErrorBody } from './wire/ErrorBody';
import type { ErrorCode } from './wire/ErrorCode';

export const API = '/api/v1';

export class ApiError extends Error {
  readonly code: ErrorCode | 'offline';
  /** Milliseconds to wait before another try, if the server said so. */
  readonly after: number | undefined;

  constructor(code: ErrorCode | 'offline', after?: number) {
    super(code);
    this.code = code;
    this.after = after;
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** An aborted request rejects with the signal's reason. */
export async function api<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const json = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await ask(path, { method, ...json, ...(signal && { signal }) });
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Puts bytes where nothing is answered but that they are there. */
export async function put(path: string, bytes: Blob): Promise<void> {
  await ask(path, { method: 'PUT', body: bytes });
}

async function ask(path: string, request: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(API + path, { credentials: 'same-origin', ...request });
  } catch {
    request.signal?.throwIfAborted();
    throw new ApiError('offline');
  }
  if (!response.ok) throw failure(await response.text(), response.headers.get('retry-after'));
  return response;
}

/** The error in an answer; a proxy's own page counts as a passing overload, with the wait that it may name. */
export function failure(text: string, retryAfter: string | null = null): ApiError {
  const seconds = retryAfter?.match(/^\d+$/) ? Number(retryAfter) : undefined;
  const after = seconds === undefined ? undefined : seconds * 1_000;
  try {
    const body = JSON.parse(text) as ErrorBody;
    return new ApiError(body.c ?? 'overloaded', body.after ?? after);
  } catch {
    return new ApiError('overloaded', after);
  }
}

/** Whether the server answers at all. */
export const isThere = (): Promise<boolean> =>
  fetch(`${API}/health`, { cache: 'no-store' }).then(
    (response) => response.ok,
    () => false,
  );
