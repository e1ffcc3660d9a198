import type { RoomNotify } from "./RoomNotify";
import type { QuietHours } from "./QuietHours";
import type { Silence } from "./Silence";
export type Notify = { v: number, rooms?: Record<string, RoomNotify>, hours?: QuietHours, pause?: Silence, };
