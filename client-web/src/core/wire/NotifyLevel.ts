export type NotifyLevel = "all" | "mentions" | "nothing";
