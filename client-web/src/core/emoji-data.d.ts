declare module 'virtual:emoji-data' {
  /** Groups of emoji: see `emoji-data.ts`. */
  const groups: readonly (readonly [emoji: string, ru: string, en: string, tones?: readonly string[]])[][];
  export default groups;
}
