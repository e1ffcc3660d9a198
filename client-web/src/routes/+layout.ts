import { i18n } from '$lib/i18n/i18n.svelte';

// One page for all addresses: the server has no part in drawing it.
export const ssr = false;
export const prerender = false;

export const load = (): Promise<void> => i18n.begin();
