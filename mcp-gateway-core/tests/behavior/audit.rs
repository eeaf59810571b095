//! Every `AuditStore`.

use std::sync::Arc;

use mcp_gateway_core::audit::{AuditEvent, AuditQuery, AuditRecord, AuditStore, MemoryAudit, Outcome, verify_chain};

/// Checks a store that holds nothing yet.
pub(crate) async fn check_store(store: Arc<dyn AuditStore>) {
    assert_eq!(store.query(&AuditQuery::all()).await.unwrap(), []);
    records_are_numbered_chained_and_whole(&*store).await;
    every_condition_counts(&*store).await;
    followers_see_what_is_new(&*store).await;
    a_record_has_a_largest_size(&*store).await;
    tasks_leave_no_gap(&store).await;
}

fn event(action: &str) -> AuditEvent {
    AuditEvent::new("dev".parse().unwrap(), "local", action)
}

async fn all(store: &dyn AuditStore) -> Vec<AuditRecord> {
    store.query(&AuditQuery::all()).await.unwrap()
}

fn assert_whole(records: &[AuditRecord], count: usize) {
    let numbers: Vec<u64> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(numbers, (1..=count as u64).collect::<Vec<_>>());
    let report = verify_chain(records);
    assert!(report.is_intact(), "{report:?}");
}

async fn records_are_numbered_chained_and_whole(store: &dyn AuditStore) {
    let mut full = event("tools/call");
    full.session = Some("s-1".parse().unwrap());
    full.server = Some("github".parse().unwrap());
    full.name = Some("create_issue".to_owned());
    full.shape = Some(serde_json::json!({"title": "string(4)", "labels": "array(2)"}));
    full.arguments = Some(serde_json::json!({"n": 0.1, "big": u64::MAX, "text": "é \u{0} \" ☃"}));
    full.decision = Some(mcp_gateway_core::model::Decision::new(
        mcp_gateway_core::model::Effect::Deny,
        "rule 3",
        "writes are not allowed",
    ));
    full.outcome = Outcome::Denied;
    full.error = Some("no".to_owned());
    full.duration_micros = 42;
    full.instance = Some("c0ffee".parse().unwrap());
    full.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());

    assert_eq!(store.append(full.clone()).await.unwrap(), 1);
    assert_eq!(store.append(event("server/start")).await.unwrap(), 2);
    let records = all(store).await;
    assert_whole(&records, 2);
    assert_eq!(records[0].event, full);
    assert_eq!(records[0].previous, AuditRecord::GENESIS);
    assert_eq!(records[1].previous, records[0].hash);

    let json = serde_json::to_string(&records).unwrap();
    let back: Vec<AuditRecord> = serde_json::from_str(&json).unwrap();
    assert!(verify_chain(&back).is_intact());
}

async fn every_condition_counts(store: &dyn AuditStore) {
    let mut other = event("tools/call");
    other.time += 1_000_000;
    other.principal = "alice".to_owned();
    other.server = Some("time".parse().unwrap());
    other.name = Some("now".to_owned());
    store.append(other.clone()).await.unwrap();

    let numbers = async |change: fn(&mut AuditQuery)| {
        let mut query = AuditQuery::all();
        change(&mut query);
        let found = store.query(&query).await.unwrap();
        found.iter().map(|record| record.sequence).collect::<Vec<_>>()
    };
    assert_eq!(numbers(|query| query.server = Some("github".parse().unwrap())).await, [1]);
    assert_eq!(numbers(|query| query.server = Some("none".parse().unwrap())).await, [0_u64; 0]);
    assert_eq!(numbers(|query| query.name = Some("now".to_owned())).await, [3]);
    assert_eq!(numbers(|query| query.principal = Some("local".to_owned())).await, [1, 2]);
    assert_eq!(numbers(|query| query.action = Some("server/start".to_owned())).await, [2]);
    assert_eq!(numbers(|query| query.outcome = Some(Outcome::Ok)).await, [2, 3]);
    assert_eq!(numbers(|query| query.limit = Some(2)).await, [2, 3]);
    assert_eq!(numbers(|query| query.limit = Some(0)).await, [0_u64; 0]);
    assert_eq!(numbers(|query| query.after = Some(1)).await, [2, 3]);
    assert_eq!(numbers(|query| query.before = Some(3)).await, [1, 2]);
    assert_eq!(numbers(|query| *query = AuditQuery::page(1, 1)).await, [2]);
    assert_eq!(numbers(|query| query.after = Some(u64::MAX)).await, [0_u64; 0]);
    assert_eq!(numbers(|query| query.name = Some("' OR 1=1 --".to_owned())).await, [0_u64; 0]);
    let mut since = AuditQuery::all();
    since.since = Some(other.time);
    since.principal = Some("alice".to_owned());
    assert_eq!(store.query(&since).await.unwrap().len(), 1);
    since.since = Some(other.time + 1);
    assert_eq!(store.query(&since).await.unwrap(), []);
}

async fn followers_see_what_is_new(store: &dyn AuditStore) {
    let mut seen = all(store).await.last().unwrap().sequence;
    for _ in 0..3 {
        let appended = store.append(event("ping")).await.unwrap();
        let mut query = AuditQuery::all();
        query.after = Some(seen);
        let new = store.query(&query).await.unwrap();
        assert_eq!(new.iter().map(|record| record.sequence).collect::<Vec<_>>(), [appended]);
        seen = appended;
    }
}

async fn a_record_has_a_largest_size(store: &dyn AuditStore) {
    let mut large = event("tools/call");
    large.arguments = Some("x".repeat(5_000_000).into());
    large.error = Some("e".repeat(5_000_000));
    let sequence = store.append(large).await.unwrap();
    let records = store.query(&AuditQuery::newest(1)).await.unwrap();
    assert_eq!(records[0].sequence, sequence);
    assert!(records[0].text().len() < 10_000 && records[0].is_intact());
}

async fn tasks_leave_no_gap(store: &Arc<dyn AuditStore>) {
    let before = all(&**store).await.len();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for number in 0..25 {
                    store.append(event(&format!("{task}-{number}"))).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_whole(&all(&**store).await, before + 200);
}

// === implementations ===

#[tokio::test]
async fn memory() {
    check_store(Arc::new(MemoryAudit::new())).await;
}

#[cfg(feature = "audit-sqlite")]
mod sqlite {
    use std::io::{BufRead as _, BufReader};
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    use mcp_gateway_core::audit::{Durability, SqliteAudit, SqliteAuditConfig};
    use mcp_gateway_core::util::env_vars;
    use tempfile::TempDir;

    use super::*;

    /// Names the file to a second process of this test.
    const FILE: &str = "MCP_GATEWAY_TEST_AUDIT_FILE";
    /// The same for a process that dies.
    const DIES: &str = "MCP_GATEWAY_TEST_AUDIT_DIES";
    const PROCESSES: usize = 3;
    const TASKS: usize = 8;
    const RECORDS: usize = 25;

    #[tokio::test]
    async fn sqlite() {
        let folder = TempDir::new().unwrap();
        check_store(Arc::new(SqliteAudit::open(folder.path().join("dev.db")).unwrap())).await;
        let config = SqliteAuditConfig::new(folder.path().join("full.db")).with_durability(Durability::Full);
        check_store(Arc::new(SqliteAudit::open(config).unwrap())).await;
    }

    #[tokio::test]
    async fn two_stores_share_a_file() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("dev.db");
        let [one, two] = [(); 2].map(|()| Arc::new(SqliteAudit::open(path.clone()).unwrap()));
        tokio::join!(fill(Arc::clone(&one), "one"), fill(Arc::clone(&two), "two"));
        assert_whole(&all(&*one).await, 2 * TASKS * RECORDS);
        assert_eq!(all(&*two).await, all(&*one).await);
    }

    #[tokio::test]
    async fn processes_share_a_file() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("dev.db");
        // They make the file, too: nobody does it for them.
        let children: Vec<_> = (0..PROCESSES)
            .map(|_| {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["audit::sqlite::one_of_several_processes", "--exact", "--nocapture"]).env(FILE, &path);
                command.spawn().unwrap()
            })
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let records = all(&SqliteAudit::open_read_only(path).unwrap()).await;
        assert_whole(&records, PROCESSES * TASKS * RECORDS);
    }

    /// The part of [`processes_share_a_file`] that each process runs.
    #[tokio::test]
    async fn one_of_several_processes() {
        let Some(path) = env_vars::get(FILE).map(PathBuf::from) else { return };
        let store = Arc::new(SqliteAudit::open(path).unwrap());
        fill(store, &std::process::id().to_string()).await;
    }

    #[tokio::test]
    async fn records_survive_the_process() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("dev.db");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["audit::sqlite::a_process_that_dies", "--exact", "--nocapture"]).env(DIES, &path);
        assert!(!command.status().unwrap().success());
        assert_whole(&all(&SqliteAudit::open(path.clone()).unwrap()).await, 5);
        assert_whole(&all(&SqliteAudit::open_read_only(path).unwrap()).await, 5);
    }

    /// The part of [`records_survive_the_process`] that dies without a chance to tidy up.
    #[tokio::test]
    async fn a_process_that_dies() {
        let Some(path) = env_vars::get(DIES).map(PathBuf::from) else { return };
        let store = SqliteAudit::open(path).unwrap();
        for number in 0..5 {
            store.append(event(&format!("{number}"))).await.unwrap();
        }
        std::process::abort();
    }

    /// The same for a process that is killed.
    const KILLED: &str = "MCP_GATEWAY_TEST_AUDIT_KILLED";

    #[tokio::test]
    async fn no_record_is_lost_that_was_acknowledged() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("dev.db");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["audit::sqlite::a_process_that_is_killed", "--exact", "--nocapture"]).env(KILLED, &path);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut acknowledged = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(number) = line.strip_prefix("kept ") {
                acknowledged.push(number.parse::<u64>().unwrap());
            }
            if acknowledged.len() == 500 {
                // SIGKILL, in the middle of what it does.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let records = all(&SqliteAudit::open(path.clone()).unwrap()).await;
        assert!(acknowledged.len() >= 500 && records.len() >= acknowledged.len());
        assert_whole(&records, records.len());
        for number in acknowledged {
            assert_eq!(records[usize::try_from(number).unwrap() - 1].event.action, "killed");
        }
    }

    /// The part of [`no_record_is_lost_that_was_acknowledged`] that is killed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_process_that_is_killed() {
        let Some(path) = env_vars::get(KILLED).map(PathBuf::from) else { return };
        let store = Arc::new(SqliteAudit::open(path).unwrap());
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    // More than anybody waits for; the bound is for the case that nobody kills it.
                    for _ in 0..100_000 {
                        println!("kept {}", store.append(event("killed")).await.unwrap());
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }

    async fn fill(store: Arc<SqliteAudit>, writer: &str) {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (store, writer) = (Arc::clone(&store), writer.to_owned());
                tokio::spawn(async move {
                    for number in 0..RECORDS {
                        store.append(event(&format!("{writer}-{task}-{number}"))).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}
