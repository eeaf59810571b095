// What is known to fail, with the reason. Strict in both directions: see docs/conformance.md.

/** Whether `value` is one of those that an entry names; without the key it is all of them. */
const among = (values, value) => values === undefined || [values].flat().map(String).includes(value);

export class Baseline {
  #entries;

  /** `entries`: `[{leg, revisions?, upstreams?, scenarios, checks?, reason, reference?}]`. */
  constructor(entries) {
    for (const entry of entries) {
      const unknown = Object.keys(entry).find(
        (key) => !['leg', 'revisions', 'upstreams', 'scenarios', 'checks', 'reason', 'reference'].includes(key),
      );
      if (unknown || !entry.leg || !entry.scenarios || !entry.reason) {
        throw new Error(`baseline: an entry needs leg, scenarios and reason${unknown ? `, and not ${unknown}` : ''}: ${JSON.stringify(entry)}`);
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
        entry.leg === leg &&
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
