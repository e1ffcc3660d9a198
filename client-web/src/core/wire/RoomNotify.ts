import type { NotifyLevel } from "./NotifyLevel";
import type { Silence } from "./Silence";
export type RoomNotify = { level: NotifyLevel, mute?: Silence, };
