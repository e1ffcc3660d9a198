// One page for all addresses: the server has no part in drawing it.
export const ssr = false;
export const prerender = false;
