import type { NotifyLevel } from "./NotifyLevel";
import type { SilenceFor } from "./SilenceFor";
export type NotifyRoom = { r: string, level: NotifyLevel, mute?: SilenceFor, };
