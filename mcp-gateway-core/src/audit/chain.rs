//! Verification of the chain of hashes.

use super::AuditRecord;

/// The most faults that a report lists.
const MAX_FAULTS: usize = 100;

/// Checks records, oldest first, for edits, deletions and changes of order.
///
/// # Behavior
/// - The records may be a part of a trail; what came before the first is then taken as it is.
/// - A trail that was cut off at its end, or replaced as a whole, has no fault inside: compare `head` with one that was
///   noted elsewhere before.
///
/// # Examples
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use mcp_gateway_core::audit::{AuditEvent, AuditQuery, AuditStore, MemoryAudit, verify_chain};
///
/// let store = MemoryAudit::new();
/// store.append(AuditEvent::new("dev".parse()?, "local", "tools/call")).await?;
/// let report = verify_chain(&store.query(&AuditQuery::all()).await?);
/// assert!(report.is_intact());
/// # Ok::<(), mcp_gateway_core::Error>(()) }).unwrap();
/// ```
pub fn verify_chain<'a>(records: impl IntoIterator<Item = &'a AuditRecord>) -> ChainReport {
    let mut report = ChainReport::default();
    for record in records {
        report.check(record);
    }
    report
}

/// What a verification found; it can be continued with later records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainReport {
    /// How many records were checked.
    pub checked: u64,
    /// The number of the first record.
    pub first: Option<u64>,
    /// The number and hash of the last record.
    pub head: Option<(u64, String)>,
    /// What is wrong, in the order it was met; at most 100 entries.
    pub faults: Vec<ChainFault>,
}

/// One thing that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainFault {
    /// The record at which it shows.
    pub sequence: u64,
    /// What it is.
    pub kind: ChainFaultKind,
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainFaultKind {
    /// The record's content is not the one that was hashed.
    Edited,
    /// So many records before this one are gone.
    Missing(u64),
    /// The record stands after one with the same or a higher number.
    OutOfOrder,
    /// The record does not continue the one before it: that one was replaced.
    Unlinked,
}

impl ChainReport {
    /// Whether nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.faults.is_empty()
    }

    /// Checks the next record.
    pub fn check(&mut self, record: &AuditRecord) {
        self.checked += 1;
        self.first.get_or_insert(record.sequence);
        if !record.is_intact() {
            self.fault(record, ChainFaultKind::Edited);
        }
        let (last, hash) = match self.head.take() {
            Some(head) => head,
            // A part of a trail is trusted to continue what came before; the first record of all has a known start.
            None if record.sequence > 1 => (record.sequence - 1, record.previous.clone()),
            None => (0, AuditRecord::GENESIS.to_owned()),
        };
        if record.sequence <= last {
            self.fault(record, ChainFaultKind::OutOfOrder);
        } else if record.sequence > last + 1 {
            self.fault(record, ChainFaultKind::Missing(record.sequence - last - 1));
        } else if record.previous != hash {
            self.fault(record, ChainFaultKind::Unlinked);
        }
        self.head = Some((record.sequence, record.hash.clone()));
    }

    fn fault(&mut self, record: &AuditRecord, kind: ChainFaultKind) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(ChainFault { sequence: record.sequence, kind });
        }
    }
}

impl ChainFaultKind {
    /// The name that reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Missing(_) => "missing",
            Self::OutOfOrder => "out_of_order",
            Self::Unlinked => "unlinked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::AuditEvent;

    fn trail(count: u64) -> Vec<AuditRecord> {
        let mut records: Vec<AuditRecord> = Vec::new();
        for sequence in 1..=count {
            let previous = records.last().map_or(AuditRecord::GENESIS, |record| &record.hash).to_owned();
            let event = AuditEvent::new("p".parse().unwrap(), "local", format!("action-{sequence}"));
            records.push(AuditRecord::seal(sequence, &previous, event).unwrap());
        }
        records
    }

    fn faults(records: &[AuditRecord]) -> Vec<(u64, ChainFaultKind)> {
        verify_chain(records).faults.iter().map(|fault| (fault.sequence, fault.kind)).collect()
    }

    #[test]
    fn a_whole_trail_and_a_part_of_it_are_intact() {
        let records = trail(9);
        let report = verify_chain(&records);
        assert!(report.is_intact());
        assert_eq!((report.checked, report.first), (9, Some(1)));
        assert_eq!(report.head, Some((9, records[8].hash.clone())));
        assert_eq!(faults(&records[4..]), []);
        assert!(verify_chain([]).is_intact());

        let mut report = verify_chain(&records[..4]);
        records[4..].iter().for_each(|record| report.check(record));
        assert!(report.is_intact());
    }

    #[test]
    fn finds_what_was_done_to_a_trail() {
        let records = trail(6);

        let mut edited = records.clone();
        edited[2].event.principal = "someone else".to_owned();
        assert_eq!(faults(&edited), [(3, ChainFaultKind::Edited)]);

        let mut resealed = records.clone();
        let event = AuditEvent::new("p".parse().unwrap(), "someone else", "x");
        resealed[2] = AuditRecord::seal(3, &records[1].hash, event).unwrap();
        assert_eq!(faults(&resealed), [(4, ChainFaultKind::Unlinked)]);

        let mut deleted = records.clone();
        deleted.drain(1..3);
        assert_eq!(faults(&deleted), [(4, ChainFaultKind::Missing(2))]);

        let mut renumbered = records.clone();
        renumbered.remove(2);
        renumbered[2].sequence = 3;
        let found = faults(&renumbered);
        assert!(found.contains(&(3, ChainFaultKind::Edited)) && found.contains(&(3, ChainFaultKind::Unlinked)));

        let mut swapped = records.clone();
        swapped.swap(2, 3);
        let found = faults(&swapped);
        assert!(found.contains(&(3, ChainFaultKind::OutOfOrder)), "{found:?}");

        let mut start = records;
        start[0] = AuditRecord::seal(1, &"1".repeat(64), start[0].event.clone()).unwrap();
        assert!(faults(&start).contains(&(1, ChainFaultKind::Unlinked)));
    }
}
