export type PushNews = { name: string, unread: number, mention: boolean, };
