//! Faces to clients, from outside: bytes in, bytes out, with a host that has no gateway behind it.
//!
//! Has its own main so that it can start itself as the server at the other end of standard input and output.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "these are tests")]

mod authority;
mod host;
mod http;
mod limits;
mod memory;
mod oauth;
mod oauth_keys;
mod sdk;
mod sse;
mod stdio;
mod stream;
mod streamable;
mod tls;

use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};

/// How long anything that must happen may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(stdio::SERVE) {
        return stdio::child();
    }
    let mut trials = Vec::new();
    for tests in [
        stream::tests(),
        memory::tests(),
        stdio::tests(),
        streamable::tests(),
        limits::tests(),
        sse::tests(),
        tls::tests(),
        oauth::tests(),
        oauth_keys::tests(),
    ] {
        trials.extend(tests);
    }
    trials.extend(sdk::tests());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A test that runs on a runtime of its own.
fn test<F: Future<Output = ()> + 'static>(name: &'static str, body: fn() -> F) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async { tokio::time::timeout(3 * PATIENCE, body()).await })?;
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ok(())
    })
}

/// The tests of a module, by the names of their functions.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn tests() -> Vec<libtest_mimic::Trial> {
            vec![$(crate::test(concat!(module_path!(), "::", stringify!($name)), $name)),*]
        }
    };
}
use tests;

/// Waits until something is so.
async fn until(what: &str, so: impl Fn() -> bool + Sync) {
    let waited = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waited).await.is_ok(), "waited in vain: {what}");
}
