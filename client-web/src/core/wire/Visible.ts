export type Visible = { on: boolean, };
