export type PushTo = { endpoint: string, p256dh: string, auth: string, };
