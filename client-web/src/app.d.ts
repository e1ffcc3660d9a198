import type { PartaCall } from '$lib/lesson/probe';

declare global {
  interface Window {
    /** What browser tests and support look at during a lesson. */
    partaCall?: PartaCall;
  }
}

export {};
