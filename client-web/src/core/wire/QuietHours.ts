export type QuietHours = { from: number, to: number, zone: string, };
