import type { SilenceFor } from "./SilenceFor";
export type NotifyPause = { pause?: SilenceFor, };
