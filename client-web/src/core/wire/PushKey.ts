export type PushKey = { key: string, };
