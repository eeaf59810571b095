//! Tests of the audit file itself; what every store must do is in the behaviour suite.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::*;
use crate::audit::{Outcome, verify_chain};

fn event(action: &str) -> AuditEvent {
    AuditEvent::new("dev".parse().unwrap(), "local", action)
}

fn sql(path: &Path, text: &str) -> rusqlite::Result<()> {
    Connection::open(path).unwrap().execute_batch(text)
}

async fn filled(path: &Path, count: usize) -> SqliteAudit {
    let store = SqliteAudit::open(path).unwrap();
    for number in 0..count {
        store.append(event(&format!("action-{number}"))).await.unwrap();
    }
    store
}

#[tokio::test]
async fn records_are_there_again_and_for_the_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/dev.db");
    assert_eq!(SqliteAudit::open_read_only(&path).unwrap_err().kind(), ErrorKind::NotFound);
    let store = filled(&path, 3).await;
    for suffix in ["", "-wal", "-shm"] {
        let file = PathBuf::from(format!("{}{suffix}", path.display()));
        assert!(fs::exists(&file) && !fs::is_open_to_others(&file), "{}", file.display());
    }
    drop(store);
    let reader = SqliteAudit::open_read_only(&path).unwrap();
    let records = reader.query(&AuditQuery::all()).await.unwrap();
    assert!(verify_chain(&records).is_intact());
    assert_eq!(records.len(), 3);
    assert_eq!(reader.append(event("x")).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(filled(&path, 0).await.append(event("x")).await.unwrap(), 4);
}

#[tokio::test]
async fn the_file_refuses_changes_and_the_chain_shows_forced_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.db");
    let store = filled(&path, 4).await;
    for change in [
        "UPDATE records SET hash = 'x'",
        "DELETE FROM records WHERE sequence = 2",
        "INSERT INTO records (sequence, previous, hash, event) VALUES (9, '', '', '{}')",
        "INSERT OR REPLACE INTO records (sequence, previous, hash, event) VALUES (2, '', '', '{}')",
        "UPDATE records SET server = 'x'",
    ] {
        assert!(sql(&path, change).is_err(), "{change}");
    }
    assert!(verify_chain(&store.query(&AuditQuery::all()).await.unwrap()).is_intact());

    sql(
        &path,
        "DROP TRIGGER records_no_update;
         UPDATE records SET event = replace(event, 'local', 'other') WHERE sequence = 2;",
    )
    .unwrap();
    let report = verify_chain(&store.query(&AuditQuery::all()).await.unwrap());
    assert_eq!(report.faults.len(), 1);
    let mut by_other = AuditQuery::all();
    by_other.principal = Some("other".to_owned());
    assert_eq!(store.query(&by_other).await.unwrap().len(), 1);

    sql(&path, "UPDATE records SET event = '{\"time\":1}' WHERE sequence = 3").unwrap();
    let error = store.query(&AuditQuery::all()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("record: 3") && error.to_string().contains("dev.db"), "{error}");
}

#[tokio::test]
async fn files_that_are_not_ours_are_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write_atomic(&path("text"), &b"this is no database, it is a text\n".repeat(40)).unwrap();
    sql(&path("other"), "CREATE TABLE t (x)").unwrap();
    drop(filled(&path("newer"), 1).await);
    sql(&path("newer"), "PRAGMA user_version = 2").unwrap();
    drop(filled(&path("broken"), 200).await);
    let mut content = fs::read_bytes(&path("broken"), 1 << 24).unwrap().unwrap();
    content[100..4096].fill(0xff);
    fs::write_atomic(&path("broken"), &content).unwrap();

    for (name, kind) in [
        ("text", ErrorKind::InvalidConfig),
        ("other", ErrorKind::InvalidConfig),
        ("newer", ErrorKind::Unsupported),
        ("broken", ErrorKind::InvalidConfig),
    ] {
        let before = fs::read_bytes(&path(name), 1 << 24).unwrap();
        let error = SqliteAudit::open(path(name)).unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(SqliteAudit::open_read_only(path(name)).is_err());
        if name != "other" {
            assert_eq!(fs::read_bytes(&path(name), 1 << 24).unwrap(), before, "{name}");
        }
    }
    assert_eq!(SqliteAudit::open(folder.path()).unwrap_err().kind(), ErrorKind::Io);
}

#[tokio::test]
async fn a_full_file_refuses_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.db");
    let store = SqliteAudit::open(SqliteAuditConfig::new(&path).with_max_bytes(100_000)).unwrap();
    let mut kept = 0;
    let error = loop {
        match store.append(event("x")).await {
            Ok(sequence) => kept = sequence,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("no room"), "{error}");
    assert!(store.append(event("x")).await.is_err());
    let records = store.query(&AuditQuery::all()).await.unwrap();
    assert_eq!(records.len() as u64, kept);
    assert!(kept > 10 && verify_chain(&records).is_intact());
    drop(store);
    assert_eq!(SqliteAudit::open(path).unwrap().append(event("x")).await.unwrap(), kept + 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.db");
    drop(filled(&path, 1).await);
    let mut connection = file::open_for_query(&path).unwrap();
    let error = file::append(&mut connection, ["{}"].into_iter(), None, file::Sign::WhenDue).unwrap_err().at(&path);
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("cannot be written"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_taken_away_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.db");
    let store = filled(&path, 1).await;
    fs::remove_file(&path).unwrap();
    let error = store.append(event("x")).await.unwrap_err();
    assert!(error.to_string().contains("removed or replaced"), "{error}");
    fs::write_atomic(&path, b"").unwrap();
    assert!(store.append(event("x")).await.is_err());
}

#[tokio::test]
async fn dropping_the_store_writes_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.db");
    let store = Arc::new(SqliteAudit::open(path.clone()).unwrap());
    for _ in 0..500 {
        let mut append = tokio::task::unconstrained(store.append(event("x")));
        // Asked once, it stands in the queue; then its caller gives up.
        let _ = futures_util::poll!(&mut append);
    }
    drop(store);
    let reader = SqliteAudit::open_read_only(path).unwrap();
    assert_eq!(reader.query(&AuditQuery::all()).await.unwrap().len(), 500);
}

#[tokio::test]
async fn a_batch_is_one_step_with_numbers_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteAudit::open(folder.path().join("dev.db")).unwrap();
    let appends = (0..2000).map(|number| {
        let mut event = event(&format!("a-{number}"));
        event.outcome = if number % 2 == 0 { Outcome::Ok } else { Outcome::Denied };
        store.append(event)
    });
    let mut numbers: Vec<u64> = futures_util::future::join_all(appends).await.into_iter().map(Result::unwrap).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=2000).collect::<Vec<_>>());
    let page = store.query(&AuditQuery::page(100, 50)).await.unwrap();
    assert_eq!(page.iter().map(|record| record.sequence).collect::<Vec<_>>(), (101..=150).collect::<Vec<_>>());
}

fn actions(records: &[AuditRecord]) -> Vec<&str> {
    records.iter().map(|record| record.event.action.as_str()).collect()
}

#[tokio::test]
async fn what_cannot_be_written_is_spilled_and_joins_the_chain_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.db");
    let spill = folder.path().join("dev.db.spill");
    let config = SqliteAuditConfig::new(&path).with_overload(Overload::Spill);
    let store = SqliteAudit::open(config.clone().with_max_bytes(100_000)).unwrap();
    let mut count = 1;
    while store.append(event(&format!("action-{count}"))).await.unwrap() != 0 {
        count += 1;
    }
    for _ in 0..3 {
        count += 1;
        assert_eq!(store.append(event(&format!("action-{count}"))).await.unwrap(), 0);
    }
    drop(store);
    assert!(!fs::is_open_to_others(&spill));
    let spilled = fs::read_to_string(&spill).unwrap();
    // A process that died while it wrote leaves half a line.
    fs::write_atomic(&spill, format!("{spilled}{{\"time\":1").as_bytes()).unwrap();
    let torn = fs::read_to_string(&spill).unwrap();

    let store = SqliteAudit::open(config.clone()).unwrap();
    let records = store.query(&AuditQuery::all()).await.unwrap();
    assert!(verify_chain(&records).is_intact() && !fs::exists(&spill));
    let mut expected: Vec<String> = (1..=count).map(|number| format!("action-{number}")).collect();
    expected.push("audit/rejoin".to_owned());
    assert_eq!(actions(&records), expected);
    let detail = records.last().unwrap().event.detail.clone().unwrap();
    assert_eq!((&detail["records"], &detail["unreadable"]), (&4.into(), &1.into()));
    drop(store);

    // Died after they had joined and before the file was gone: nothing is there twice.
    fs::write_atomic(&spill, torn.as_bytes()).unwrap();
    let store = SqliteAudit::open(config).unwrap();
    assert_eq!(store.query(&AuditQuery::all()).await.unwrap().len(), records.len());
    assert!(!fs::exists(&spill));
}

#[tokio::test]
async fn a_file_that_blocks_keeps_no_spill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.db");
    let store = SqliteAudit::open(SqliteAuditConfig::new(&path).with_max_bytes(100_000)).unwrap();
    while store.append(event("x")).await.is_ok() {}
    assert!(!fs::exists(&folder.path().join("dev.db.spill")));
}

#[tokio::test]
async fn a_torn_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.db");
    let store = filled(&path, 5).await;
    for (cut, expected) in [(0, 5), (1, 4), (5_000, 4)] {
        // As a crash of the machine leaves it: the log ends somewhere within its last step.
        let torn = folder.path().join(format!("torn-{cut}.db"));
        let content = |suffix: &str| {
            fs::read_bytes(&PathBuf::from(format!("{}{suffix}", path.display())), 1 << 24).unwrap().unwrap()
        };
        let mut log = content("-wal");
        log.truncate(log.len() - cut);
        fs::write_atomic(&torn, &content("")).unwrap();
        fs::write_atomic(&PathBuf::from(format!("{}-wal", torn.display())), &log).unwrap();
        let found = crate::audit::verify(&torn, &crate::audit::VerifyOptions::new()).unwrap();
        assert_eq!((found.intact, found.torn_bytes.is_some()), (true, cut > 0));
        let reopened = SqliteAudit::open(&*torn).unwrap();
        let records = reopened.query(&AuditQuery::all()).await.unwrap();
        assert!(verify_chain(&records).is_intact());
        let own = actions(&records).iter().filter(|action| action.starts_with("action-")).count();
        assert_eq!(own, expected, "{cut}");
        assert_eq!(actions(&records).contains(&"audit/torn"), cut > 0, "{cut}: {:?}", actions(&records));
    }
    drop(store);
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = || SqliteAuditConfig::new(folder.path().join("dev.db"));
    for wrong in [config().with_rotation(Rotation::default().with_bytes(1)), config().with_retention(Duration::ZERO)] {
        let error = SqliteAudit::open(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.hints().next().is_some());
    }
}
