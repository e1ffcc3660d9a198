export type PushWord = { r: string, };
