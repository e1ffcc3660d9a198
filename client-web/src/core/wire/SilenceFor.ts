export type SilenceFor = { minutes?: number, };
