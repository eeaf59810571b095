// What is known to fail, with the reason. Strict in both directions: see docs/conformance.md.

/** Whether `value` is one of those that an entry names; without the key it is all of them. */
const among = (values, value) => values === undefined || [values].flat().map(String).includes(value);

export class Baseline {
  #entries;

  /**
   * `entries`: `[{legs, revisions?, upstreams?, scenarios, checks?, reason, reference?}]`; `known`: the values that
   * `legs`, `revisions`, `upstreams` and `scenarios` may have, so that a misspelt entry does not lie there unseen.
   */
  constructor(entries, known) {
    for (const entry of entries) {
      const unknown = Object.keys(entry).find(
        (key) => !['legs', 'revisions', 'upstreams', 'scenarios', 'checks', 'reason', 'reference'].includes(key),
      );
      if (unknown || !entry.legs || !entry.scenarios || !entry.reason) {
        const wrong = unknown ? `has no key ${unknown}` : 'needs legs, scenarios and reason';
        throw new Error(`baseline: an entry ${wrong}: ${JSON.stringify(entry)}`);
      }
      for (const [key, values] of Object.entries(known)) {
        const strange = [entry[key] ?? []].flat().find((value) => !values.includes(value));
        if (strange) throw new Error(`baseline: there is no ${strange} in ${key}`);
      }
    }
    this.#entries = entries;
  }

  /**
   * Compares what failed with what may fail.
   *
   * Returns `{unexpected: [{id, message}], stale: [text]}`: failures that no entry lists, and entries that list a check
   * which did not fail. An entry without `checks` lists the scenario as a whole: at least one of its checks fails.
   */
  compare({ leg, revision, upstream, scenario }, failed) {
    const entries = this.#entries.filter(
      (entry) =>
        among(entry.legs, leg) &&
        among(entry.scenarios, scenario) &&
        among(entry.revisions, revision) &&
        among(entry.upstreams, upstream),
    );
    const ids = failed.map(({ id }) => id);
    const stale = entries.flatMap(({ checks }) => {
      if (checks === undefined) return ids.length > 0 ? [] : [scenario];
      return [checks].flat().filter((id) => !ids.includes(id)).map((id) => `${scenario}:${id}`);
    });
    const unexpected = failed.filter(({ id }) => !entries.some(({ checks }) => among(checks, id)));
    return { unexpected, stale };
  }
}
