// What of moderation the page may need; it is fetched as one, when the first of it is.

export { default as Bar } from './Bar.svelte';
export { default as Handled } from './Handled.svelte';
export { default as Held } from './Held.svelte';
export { default as Links } from './Links.svelte';
export { default as MuteForm } from './MuteForm.svelte';
export { default as Mutes } from './Mutes.svelte';
export { default as Pages } from './Pages.svelte';
export { default as ReportForm } from './ReportForm.svelte';
export { default as RuleText } from './RuleText.svelte';
