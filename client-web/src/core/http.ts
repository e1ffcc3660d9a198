// Requests to /api/v1. Failures are `ApiError`s with the server's code, or 'offline' when there was no answer.

import type { ErrorBody } from './wire/ErrorBody';
import type { ErrorCode } from './wire/ErrorCode';

export const API = '/api/v1';

export class ApiError extends Error {
  readonly code: ErrorCode | 'offline';

  constructor(code: ErrorCode | 'offline') {
    super(code);
    this.code = code;
  }
}

type Method = 'GET' | 'POST' | 'DELETE';

export async function api<T>(method: Method, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(API + path, {
      method,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError('offline');
  }
  if (!response.ok) throw new ApiError(errorCode(await response.text()));
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** The code in an error body; a proxy's own page counts as a passing overload. */
export function errorCode(text: string): ErrorCode {
  try {
    return (JSON.parse(text) as ErrorBody).c ?? 'overloaded';
  } catch {
    return 'overloaded';
  }
}

/** Whether the server answers at all. */
export const isThere = (): Promise<boolean> =>
  fetch(`${API}/health`, { cache: 'no-store' }).then(
    (response) => response.ok,
    () => false,
  );
