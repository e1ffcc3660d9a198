// Plural forms by Unicode's rules (Intl.PluralRules).

/** Chooses among one, few and many; English uses one and many. */
export function plural(language: string): (count: number, one: string, few: string, many: string) => string {
  const rules = new Intl.PluralRules(language);
  return (count, one, few, many) => {
    const form = rules.select(count);
    if (form === 'one') return one;
    return form === 'few' ? few : many;
  };
}
