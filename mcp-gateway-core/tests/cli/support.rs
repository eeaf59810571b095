//! A home of its own for each test, and the binary run in it.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_mcp-gateway");

/// How long any command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A folder with a home in it, gone with the value.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A place whose home has the test catalog.
    pub(crate) fn with_catalog() -> Self {
        let place = Self::new();
        place.write("servers.yaml", &fixture("servers.yaml").replace("FIXTURES", &fixtures().display().to_string()));
        let added = place.run(["catalog", "add", "test", "servers.yaml"]);
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.path("home").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command, with nothing of this process's environment that could change what it does.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        self.command_of(Path::new(BINARY), arguments)
    }

    pub(crate) fn command_of<A: AsRef<OsStr>>(&self, binary: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path("user"))
            .env("MCP_GATEWAY_HOME", self.path("home"))
            // No test of this binary needs an engine, and none may find the machine's.
            .env("DOCKER_HOST", format!("unix://{}", self.path("no-engine.sock").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        wait(self.command(arguments).spawn().unwrap())
    }

    pub(crate) fn run_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        wait(child)
    }

    /// Runs a command line, split at spaces, that must succeed, and gives its standard output.
    pub(crate) fn ok(&self, line: &str) -> String {
        let done = self.run(line.split(' '));
        assert!(done.status.success(), "{line}: {}", self.shown(&done));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Runs a command line, split at spaces, and gives all that it did, as one text for a snapshot.
    pub(crate) fn show(&self, line: &str) -> String {
        self.shown(&self.run(line.split(' ')))
    }

    /// Exit code, standard output and standard error, without what differs between two runs.
    pub(crate) fn shown(&self, done: &Output) -> String {
        let text = format!(
            "exit: {}\n--- stdout\n{}--- stderr\n{}",
            done.status.code().map_or_else(|| done.status.to_string(), |code| code.to_string()),
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
        let text = text.replace(&self.folder.path().display().to_string(), "[PLACE]");
        without_times(&text.replace(&fixtures().display().to_string(), "[FIXTURES]"))
    }

    pub(crate) fn has_python() -> bool {
        let found = Path::new("/usr/bin/python3").exists();
        if !found {
            eprintln!("skipped: /usr/bin/python3 is not there");
        }
        found
    }
}

/// Waits for a command within the limit.
pub(crate) fn wait(mut child: Child) -> Output {
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let out = scope.spawn(move || drain(stdout.as_mut()));
        let err = scope.spawn(move || drain(stderr.as_mut()));
        let until = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > until {
                child.kill().unwrap();
                break child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
    })
}

fn drain(stream: Option<&mut impl std::io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.read_to_end(&mut bytes).unwrap();
    }
    bytes
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/fixtures")
}

pub(crate) fn fixture(name: &str) -> String {
    let mut text = String::new();
    std::fs::File::open(fixtures().join(name)).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Puts `[DIGEST]` where the digest of a bundle stands: it is another one whenever profiles can say more.
pub(crate) fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "[DIGEST]" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
}

/// Puts `[TIME]` where a time of day in RFC 3339 stands.
fn without_times(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("T").filter(|_| rest.contains("Z")) {
        let start = at.saturating_sub(10);
        let is_time = rest.is_char_boundary(start)
            && rest.as_bytes()[start..at].iter().enumerate().all(|(index, byte)| match index {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            })
            && at >= 10;
        match rest[at..].find('Z').filter(|_| is_time) {
            Some(end) => {
                out.push_str(&rest[..start]);
                out.push_str("[TIME]");
                rest = &rest[at + end + 1..];
            }
            None => {
                out.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    out + rest
}
