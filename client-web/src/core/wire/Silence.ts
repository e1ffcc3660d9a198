export type Silence = { until?: string, };
