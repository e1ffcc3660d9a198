import type { QuietHours } from "./QuietHours";
export type NotifyHours = { hours?: QuietHours, };
