// Close codes that a client treats in a way of their own; the rest goes by its range (docs/PROTOCOL.md).

export const RATE_LIMITED = 4008;
export const NO_PONG = 4012;
export const SIGNED_OUT = 4501;
export const LOGGED_OUT = 4503;
export const TOO_MANY = 4504;
export const TOO_OLD = 4510;

/** Whether the server asked this page to stay away. */
export const isFinal = (code: number | undefined): boolean => code !== undefined && code >= 4500 && code < 5000;
