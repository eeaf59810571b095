// What is known to fail, with the reason. Strict in both directions: see docs/conformance.md.

/** Whether `value` is one of those that an entry names; without the key it is all of them. */
const among = (values, value) => values === undefined || [values].flat().includes(value);

export class Baseline {
  #entries;

  /**
   * `entries`: objects with some of the keys of `known`, perhaps `checks`, `sometimes` and `reference`, and a `reason`.
   * `known`: the values that each key may have, so that a misspelt entry does not lie there unseen.
   */
  constructor(entries, known) {
    for (const entry of entries) {
      const strange = Object.entries(entry).flatMap(([key, values]) => {
        if (['checks', 'reference', 'reason', 'sometimes'].includes(key)) return [];
        return [values].flat().filter((value) => !known[key]?.includes(value)).map((value) => `${key}: ${value}`);
      });
      if (strange.length > 0) throw new Error(`baseline: there is no ${strange.join(', ')}`);
      if (!entry.reason) throw new Error(`baseline: an entry needs a reason: ${JSON.stringify(entry)}`);
    }
    this.#entries = entries;
  }

  /**
   * Compares what failed, `[{id, message}]`, with what may fail there; `where` has a value for each key.
   *
   * Returns `{unexpected: [{id, message}], stale: [text]}`: failures that no entry lists, and entries that list a check
   * which did not fail. An entry without `checks` lists all of them: at least one fails. One with `sometimes` is of a race,
   * and is never stale.
   */
  compare(where, failed) {
    const entries = this.#entries.filter((entry) => Object.entries(where).every(([key, value]) => among(entry[key], value)));
    const ids = failed.map(({ id }) => id);
    const stale = entries.flatMap(({ checks, sometimes }) => {
      if (sometimes) return [];
      if (checks === undefined) return ids.length > 0 ? [] : ['all of it'];
      return [checks].flat().filter((id) => !ids.includes(id));
    });
    const unexpected = failed.filter(({ id }) => !entries.some(({ checks }) => among(checks, id)));
    return { unexpected, stale };
  }
}
