//! Tests of trails as a whole: what was done to a copy of one is found.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::*;
use crate::audit::{AuditEvent, AuditKey, Head, Outcome, Rotation, SqliteAudit, SqliteAuditConfig};
use crate::model::{Decision, Effect};
use crate::util::fs;

fn key(folder: &Path) -> Arc<AuditKey> {
    Arc::new(AuditKey::open(&folder.join("audit.key")).unwrap())
}

fn config(folder: &Path, every: u64) -> SqliteAuditConfig {
    SqliteAuditConfig::new(folder.join("dev.sqlite")).with_checkpoints("dev".parse().unwrap(), key(folder), every)
}

fn event(number: u64) -> AuditEvent {
    let mut event = AuditEvent::new("dev".parse().unwrap(), "alice", "tools/call");
    event.server = Some("github".parse().unwrap());
    event.name = Some(format!("tool-{number}"));
    event
}

async fn fill(config: SqliteAuditConfig, count: u64) {
    let store = SqliteAudit::open(config).unwrap();
    for number in 0..count {
        store.append(event(number)).await.unwrap();
    }
}

fn sql(path: &Path, text: &str) {
    Connection::open(path).unwrap().execute_batch(text).unwrap();
}

fn kinds(found: &Verification) -> BTreeSet<&'static str> {
    found.faults.iter().map(|fault| fault.kind).collect()
}

/// The file alone, as somebody takes it away.
fn copy(from: &Path, to: &Path) -> PathBuf {
    fs::write_atomic(to, &fs::read_bytes(from, 1 << 30).unwrap().unwrap()).unwrap();
    to.to_owned()
}

#[tokio::test]
async fn a_trail_is_signed_while_it_grows_and_when_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fill(config(folder, 10), 25).await;
    let path = folder.join("dev.sqlite");
    let found = verify(&path, &VerifyOptions::new().with_key(key(folder).public())).unwrap();
    assert!(found.intact, "{:?}", found.faults);
    // Two while it grew, one at its end; a store that is opened and closed adds none.
    assert_eq!((found.records, found.checkpoints, found.signed_up_to), (28, 3, Some(27)));
    fill(config(folder, 10), 0).await;
    let store = SqliteAudit::open(config(folder, 10)).unwrap();
    store.checkpoint().await.unwrap();
    drop(store);
    let again = verify(&path, &VerifyOptions::new()).unwrap();
    assert_eq!((again.records, again.head.clone()), (28, found.head));
    assert_eq!(again.keys, [key(folder).public().to_string()]);
    // Nothing is made beside a copy, and its name may be any.
    let odd = copy(&path, &folder.join("evidence/50% of #1?.sqlite"));
    assert!(verify(&odd, &VerifyOptions::new()).unwrap().intact);
    assert_eq!(odd.parent().unwrap().read_dir().unwrap().count(), 1);

    let other = AuditKey::open(&folder.join("other.key")).unwrap();
    let found = verify(&path, &VerifyOptions::new().with_key(other.public())).unwrap();
    assert_eq!(kinds(&found), ["checkpoint"].into());
}

#[tokio::test]
async fn what_is_done_to_a_copy_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fill(config(folder, 10), 25).await;
    let original = folder.join("dev.sqlite");
    let head = verify(&original, &VerifyOptions::new()).unwrap().head.unwrap();
    let free = "DROP TRIGGER records_no_update; DROP TRIGGER records_no_delete; DROP TRIGGER records_in_order;";
    for (change, expected) in [
        ("UPDATE records SET event = replace(event, 'alice', 'mallory') WHERE sequence = 7", "edited"),
        ("DELETE FROM records WHERE sequence BETWEEN 4 AND 6", "missing"),
        ("DELETE FROM records WHERE sequence < 5", "beginning"),
        (
            "UPDATE records SET sequence = -3 WHERE sequence = 3; UPDATE records SET sequence = 3 WHERE sequence = 4; UPDATE records SET sequence = 4 WHERE sequence = -3",
            "edited",
        ),
        ("UPDATE records SET hash = previous WHERE sequence = 9", "edited"),
        ("UPDATE records SET event = '{}' WHERE sequence = 9", "unreadable"),
        (
            "UPDATE records SET event = replace(event, 'signature\":\"', 'signature\":\"A') WHERE sequence = 28",
            "checkpoint",
        ),
        ("DELETE FROM records WHERE sequence > 20", "truncated"),
    ] {
        let path = copy(&original, &folder.join("copy.sqlite"));
        assert!(verify(&path, &VerifyOptions::new().with_noted(head.clone())).unwrap().intact);
        sql(&path, &format!("{free}{change}"));
        let found = verify(&path, &VerifyOptions::new().with_noted(head.clone())).unwrap();
        assert!(!found.intact && kinds(&found).contains(expected), "{change}: {:?}", found.faults);
    }

    // Somebody who computes every hash anew, and cannot sign.
    let records = records(&original);
    let mut chain = Vec::new();
    let mut previous = AuditRecord::GENESIS.to_owned();
    for record in records {
        let mut event = record.event.clone();
        if record.sequence == 7 {
            event.principal = "mallory".to_owned();
        }
        let record = AuditRecord::seal(record.sequence, &previous, event).unwrap();
        previous.clone_from(&record.hash);
        chain.push(serde_json::to_string(&record).unwrap());
    }
    let forged = folder.join("forged.jsonl");
    fs::write_atomic(&forged, (chain.join("\n") + "\n").as_bytes()).unwrap();
    let found = verify(&forged, &VerifyOptions::new()).unwrap();
    assert_eq!(kinds(&found), ["checkpoint"].into(), "{:?}", found.faults);
}

#[tokio::test]
async fn a_trail_that_is_cut_off_is_found_by_what_stands_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fill(config(folder, 10), 25).await;
    let path = folder.join("dev.sqlite");
    sql(&path, "DROP TRIGGER records_no_delete; DELETE FROM records WHERE sequence > 11");
    let found = verify(&path, &VerifyOptions::new()).unwrap();
    assert_eq!(kinds(&found), ["truncated"].into());
    // A copy that has only the file is intact up to its end: nobody can know that there was more.
    let alone = copy(&path, &folder.join("alone.sqlite"));
    assert!(verify(&alone, &VerifyOptions::new()).unwrap().intact);
    let head: Head = fs::read_to_string(&head_file(&path)).unwrap().parse().unwrap();
    assert_eq!(head.sequence, 28);
}

fn records(path: &Path) -> Vec<AuditRecord> {
    let mut records = Vec::new();
    Source::open(path)
        .unwrap()
        .each(&mut |found| {
            if let Found::Record(record) = found {
                records.push(*record);
            }
            Ok(())
        })
        .unwrap();
    records
}

/// Where the records of a SQLite file are: the cells of its leaf pages that hold them, with number, header and columns,
/// each without the one byte in it that says nothing.
///
/// The same texts stand elsewhere, too, in room that is free: pages that were split leave them behind.
fn content(bytes: &[u8], records: &[AuditRecord]) -> Vec<std::ops::Range<usize>> {
    const PAGE: usize = 4096;
    const TABLE_LEAF: u8 = 0x0d;
    let word = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let varint = |at: &mut usize| {
        let mut value = 0;
        loop {
            let byte = bytes[*at];
            *at += 1;
            value = value << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return value;
            }
        }
    };
    let mut found = Vec::new();
    for page in (PAGE..bytes.len()).step_by(PAGE).filter(|page| bytes[*page] == TABLE_LEAF) {
        for cell in 0..word(page + 3) {
            let begin = page + word(page + 8 + 2 * cell);
            let mut at = begin;
            let length = varint(&mut at);
            varint(&mut at);
            let end = at + length;
            // The column that stands for the row's own number comes first in the row's header, and is never read.
            varint(&mut at);
            if records.iter().any(|record| bytes[begin..end].ends_with(record.text().as_bytes())) {
                found.extend([begin..at, at + 1..end]);
                assert_eq!(bytes[at], 0, "a row begins with its number");
            }
        }
    }
    assert_eq!(found.len(), 2 * records.len());
    found
}

fn small_trail() -> &'static (tempfile::TempDir, Vec<u8>, Vec<AuditRecord>) {
    static TRAIL: std::sync::OnceLock<(tempfile::TempDir, Vec<u8>, Vec<AuditRecord>)> = std::sync::OnceLock::new();
    TRAIL.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(fill(config(folder.path(), 5), 12));
        let path = folder.path().join("dev.sqlite");
        let records = records(&path);
        let bytes = fs::read_bytes(&path, 1 << 30).unwrap().unwrap();
        (folder, bytes, records)
    })
}

/// What verification says of these bytes; an error says that there is nothing to be checked, which is noticed too.
fn is_intact(bytes: &[u8], extension: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("copy.{extension}"));
    fs::write_atomic(&path, bytes).unwrap();
    let noted = Head::new(15, &*small_trail().2.last().unwrap().hash);
    verify(&path, &VerifyOptions::new().with_noted(noted)).is_ok_and(|found| found.intact)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every byte of every record in the file, checkpoints included.
    #[test]
    fn a_changed_byte_of_a_record_is_found(pick in any::<prop::sample::Index>(), offset in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (_, bytes, records) = small_trail();
        let places = content(bytes, records);
        let place = pick.get(&places).clone();
        let mut edited = bytes.clone();
        edited[place.start + offset.index(place.len())] ^= flip;
        prop_assert!(!is_intact(&edited, "sqlite"), "{:?}", place);
    }

    /// Whatever byte of the file is changed: it is found, or no record is another than it was.
    #[test]
    fn a_changed_byte_is_found_or_is_no_content(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (folder, bytes, expected) = small_trail();
        let mut edited = bytes.clone();
        edited[at.index(bytes.len())] ^= flip;
        if is_intact(&edited, "sqlite") {
            let path = folder.path().join(format!("{}.copy.sqlite", crate::util::random::hex(8).unwrap()));
            fs::write_atomic(&path, &edited).unwrap();
            prop_assert_eq!(&records(&path), expected);
        }
    }

    /// A file of lines has no byte that does not count.
    #[test]
    fn a_changed_byte_of_an_export_is_found(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (folder, ..) = small_trail();
        let mut lines = Vec::new();
        export(&folder.path().join("dev.sqlite"), ExportFormat::Jsonl, None, &mut lines).unwrap();
        prop_assert!(is_intact(&lines, "jsonl"));
        let at = at.index(lines.len());
        lines[at] ^= flip;
        prop_assert!(!is_intact(&lines, "jsonl"), "byte {}", at);
    }

    /// Nor can it be cut off anywhere, past what is noted.
    #[test]
    fn a_cut_export_is_found(at in any::<prop::sample::Index>()) {
        let (folder, ..) = small_trail();
        let mut lines = Vec::new();
        export(&folder.path().join("dev.sqlite"), ExportFormat::Jsonl, None, &mut lines).unwrap();
        lines.truncate(at.index(lines.len()));
        prop_assert!(!is_intact(&lines, "jsonl"));
    }
}

#[tokio::test]
async fn closed_files_continue_the_chain_and_old_ones_are_dropped_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.join("dev.sqlite");
    let rotating = || config(folder, 10).with_rotation(Rotation::default().with_bytes(1));
    fill(rotating(), 35).await;
    let closed = fs::list(folder, &["jsonl"]).unwrap();
    assert!(closed.len() >= 3, "{closed:?}");
    let found = verify(&path, &VerifyOptions::new().with_key(key(folder).public())).unwrap();
    assert!(found.intact, "{:?}", found.faults);
    assert_eq!((found.first, found.files.len()), (Some(1), closed.len() + 1));
    // Each part stands for itself, too, and every record is found by a query.
    for file in &closed {
        assert!(verify(file, &VerifyOptions::new()).unwrap().intact, "{file:?}");
    }
    let store = SqliteAudit::open_read_only(&path).unwrap();
    let all = store.query(&AuditQuery::all()).await.unwrap();
    assert_eq!(all.iter().map(|record| record.sequence).collect::<Vec<_>>(), (1..=found.records).collect::<Vec<_>>());
    assert_eq!(store.query(&AuditQuery::page(3, 4)).await.unwrap().len(), 4);
    let mut named = AuditQuery::newest(1);
    named.name = Some("tool-0".to_owned());
    assert_eq!(store.query(&named).await.unwrap()[0].sequence, 1);

    // What a move that broke off has left behind is no second truth.
    let half = folder.join("dev.1-900.5.jsonl");
    fs::write_atomic(&half, b"{}\n").unwrap();
    assert!(verify(&path, &VerifyOptions::new()).unwrap().intact);
    assert_eq!(store.query(&AuditQuery::all()).await.unwrap(), all);
    fs::remove_file(&half).unwrap();

    // A closed file that is taken away is missed.
    let taken = fs::read_bytes(&closed[1], 1 << 20).unwrap().unwrap();
    fs::remove_file(&closed[1]).unwrap();
    assert!(kinds(&verify(&path, &VerifyOptions::new()).unwrap()).contains("missing"));
    fs::write_atomic(&closed[1], &taken).unwrap();

    fill(rotating().with_retention(std::time::Duration::ZERO), 25).await;
    let left = verify(&path, &VerifyOptions::new().with_key(key(folder).public())).unwrap();
    assert!(left.intact, "{:?}", left.faults);
    assert!(left.first.unwrap() > 35);
    let made = report(&path, None, &VerifyOptions::new()).unwrap();
    assert!(made.trail.entries.iter().any(|entry| entry.action == "audit/drop"));
    // Without the checkpoint that it begins with, the beginning is gone. Other records follow on it, however much of the
    // rest was moved to a closed file by then.
    fill(config(folder, 10), 3).await;
    let alone = copy(&path, &folder.join("alone.sqlite"));
    sql(
        &alone,
        "DROP TRIGGER records_no_delete; DELETE FROM records WHERE sequence = (SELECT min(sequence) FROM records)",
    );
    assert!(kinds(&verify(&alone, &VerifyOptions::new()).unwrap()).contains("beginning"));
}

/// Names that try to be markup, a formula or another text than they are.
const HOSTILE: &str = "=cmd()\"<script>alert(1)</script>'\u{202e}\n,x";

async fn told(path: &Path) {
    let store = SqliteAudit::open(path).unwrap();
    let mut added = AuditEvent::new("dev".parse().unwrap(), "operator", "server/add");
    added.server = Some("github".parse().unwrap());
    added.time = 1_000;
    added.detail = Some(json!({"by": "command line", "user": "ada", "settings": {"tools": ["get_*"]}}));
    store.append(added).await.unwrap();
    store.append(event(1)).await.unwrap();
    let mut hostile = event(2);
    hostile.name = Some(HOSTILE.to_owned());
    hostile.outcome = Outcome::Denied;
    hostile.decision = Some(Decision::new(Effect::HardConfirm, "rule <b>3</b>", "only by people"));
    hostile.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    store.append(hostile).await.unwrap();
    let mut answer = AuditEvent::new("dev".parse().unwrap(), "operator", "approval/answer");
    answer.detail = Some(json!({"who": "grace", "reason": "the customer asked for it"}));
    store.append(answer).await.unwrap();
    let mut deny = AuditEvent::new("dev".parse().unwrap(), "gateway", "egress/deny");
    deny.server = Some("github".parse().unwrap());
    deny.outcome = Outcome::Denied;
    deny.name = Some("evil.example:443".to_owned());
    store.append(deny).await.unwrap();
}

#[tokio::test]
async fn a_report_says_who_did_what_and_cannot_be_made_to_say_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.sqlite");
    told(&path).await;
    // Who added the server is known although that was long before.
    let made = report(&path, Some(2_000), &VerifyOptions::new()).unwrap();
    let github = &made.servers["github"];
    assert_eq!(github.added[0].who(), "operator (ada)");
    assert_eq!(github.allowed, Some(json!({"tools": ["get_*"]})));
    assert_eq!((github.uses.count, github.uses.denied), (2, 1));
    assert_eq!(github.tools["tool-1"].by, BTreeSet::from(["alice".to_owned()]));
    assert_eq!(made.approvals.entries.len(), 2);
    assert_eq!(made.approvals.entries[1].reason.as_deref(), Some("the customer asked for it"));
    assert_eq!(made.denials.entries.len(), 1);
    assert_eq!(made.egress_denials.entries[0].name.as_deref(), Some("evil.example:443"));
    assert!(made.integrity.intact && made.integrity.checkpoints == 0);

    let page = made.to_html();
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script") && !page.contains("<b>3"));
    assert!(!page.contains('\u{202e}') && page.contains("\\u{202e}"));
    assert!(page.contains("grace") && page.contains("the customer asked for it") && page.contains("@media print"));
    // It needs nothing from elsewhere.
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url("));

    let table = made.to_csv();
    assert!(table.lines().next().unwrap().starts_with("section,server,name"));
    assert!(table.contains("\"'=cmd()\"\"<script>"), "{table}");
    let json = serde_json::to_value(&made).unwrap();
    assert_eq!(json["servers"]["github"]["tools"][HOSTILE]["denied"], 1);
}

#[tokio::test]
async fn exports_hold_every_record_in_their_own_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.sqlite");
    told(&path).await;
    let exported = |format, since| {
        let mut out = Vec::new();
        let count = export(&path, format, since, &mut out).unwrap();
        (count, String::from_utf8(out).unwrap())
    };
    let (count, lines) = exported(ExportFormat::Jsonl, None);
    assert_eq!((count, lines.lines().count()), (5, 5));
    let again = folder.path().join("all.jsonl");
    fs::write_atomic(&again, lines.as_bytes()).unwrap();
    assert!(verify(&again, &VerifyOptions::new()).unwrap().intact);
    assert_eq!(exported(ExportFormat::Jsonl, Some(2_000)).0, 4);

    let (_, table) = exported(ExportFormat::Csv, None);
    assert!(table.starts_with("sequence,time,profile") && table.contains("\"'=cmd()\"\"<script>"));

    let (_, lines) = exported(ExportFormat::Otlp, None);
    let batch: Value = serde_json::from_str(lines.trim()).unwrap();
    let logs = batch["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
    assert_eq!(logs.len(), 5);
    assert_eq!(logs[0]["timeUnixNano"], "1000000000");
    assert_eq!(logs[2]["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(logs[2]["spanId"], "b7ad6b7169203331");
    assert_eq!(logs[2]["severityText"], "WARN");
    let sequence =
        logs[4]["attributes"].as_array().unwrap().iter().find(|of| of["key"] == "mcp.gateway.audit.sequence");
    assert_eq!(sequence.unwrap()["value"]["intValue"], "5");
}

#[tokio::test]
async fn a_store_is_verified_exported_and_reported_on_as_its_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.sqlite");
    told(&path).await;
    let store = SqliteAudit::open_read_only(&path).unwrap();
    let options = VerifyOptions::new();
    let found = verify_store(&store, &options).await.unwrap();
    assert_eq!(found.head, verify(&path, &options).unwrap().head);
    let (mut one, mut other) = (Vec::new(), Vec::new());
    export_store(&store, ExportFormat::Csv, Some(2_000), &mut one).await.unwrap();
    export(&path, ExportFormat::Csv, Some(2_000), &mut other).unwrap();
    assert_eq!(one, other);
    let made = report_store(&store, None, &options).await.unwrap();
    assert_eq!(made.records, 5);
}

#[test]
fn what_is_no_trail_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    assert_eq!(verify(&path, &VerifyOptions::new()).unwrap_err().kind(), ErrorKind::NotFound);
    fs::write_atomic(&path, b"hello").unwrap();
    assert_eq!(verify(&path, &VerifyOptions::new()).unwrap_err().kind(), ErrorKind::InvalidConfig);
    assert!(FileCommand::run("{}").is_err());
}
