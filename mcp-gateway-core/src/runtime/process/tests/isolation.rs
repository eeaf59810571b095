//! What servers must not be able to do, tried by servers.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::super::sandbox::{Kernel, Reach};
use super::*;
use crate::runtime::egress::testing::{Heard, Names};

/// Prints `name: ok` or `name: ERRNO` for each of what a script tries.
const TRY: &str = "
import errno, os, socket, sys
def attempt(name, what):
    try:
        result = what()
        print(name + ':', 'ok' if result is None else result, flush=True)
    except OSError as e:
        print(name + ':', errno.errorcode.get(e.errno, e), flush=True)
";

fn attempts(script: &str) -> Option<LaunchPlan> {
    python(&format!("{TRY}{script}"))
}

#[tokio::test]
async fn a_server_reads_and_writes_what_it_was_given_and_nothing_else() {
    for bench in Bench::each() {
        let (given, work) = (bench.folder("given"), bench.folder("work"));
        bench.file("given/a.txt", "inside");
        let secret = bench.file("secret.txt", "outside");
        let mut plan = awkward_plan(&[]);
        paths(&mut plan).read = vec![given.clone()];
        paths(&mut plan).write = vec![work.clone()];
        let peer = bench.start(plan).await.unwrap();
        let read = async |path: PathBuf| call(&peer, "read_file", json!({"path": path})).await.unwrap();
        let write = async |path: PathBuf| call(&peer, "write_file", json!({"path": path})).await.unwrap();

        assert_eq!(read(given.join("a.txt")).await, "inside");
        assert_eq!(write(work.join("b.txt")).await, "written");
        assert_eq!(read(work.join("b.txt")).await, "written");
        let home = call(&peer, "env", json!({"name": "HOME"})).await.unwrap();
        assert_eq!(write(PathBuf::from(&home).join("mine")).await, "written");

        let gateway = PathBuf::from(format!("/proc/{}/environ", std::process::id()));
        for path in ["/etc/shadow", "/etc/passwd", "/root/.bashrc", "/etc/ssl/private"].map(PathBuf::from) {
            assert!(read(path.clone()).await.starts_with("error"), "{}", path.display());
        }
        for path in [secret, given.join("../secret.txt"), gateway, bench.folder("home").join("running")] {
            assert!(read(path.clone()).await.starts_with("error"), "{}", path.display());
        }
        for path in ["/tmp/../usr/x", "/usr/bin/x", "/etc/x", "/x", "/dev/x"].map(PathBuf::from) {
            assert!(write(path.clone()).await.starts_with("error"), "{}", path.display());
        }
        for path in [given.join("c.txt"), given.join("a.txt")] {
            assert!(write(path.clone()).await.starts_with("error"), "{}", path.display());
        }
        // In namespaces a folder of this name may be one in the server's own `/tmp`.
        write(bench.folder("").join("x")).await;
        assert!(!bench.folder("").join("x").exists());
        drop(peer);
        bench.gone().await;
        assert!(!Path::new(&home).exists());
    }
}

#[tokio::test]
async fn a_path_is_seen_by_the_name_that_it_was_given_by() {
    for bench in Bench::each() {
        bench.file("real/a.txt", "inside");
        let link = bench.folder("").join("link");
        std::os::unix::fs::symlink("real", &link).unwrap();
        let mut plan = awkward_plan(&[]);
        paths(&mut plan).read = vec![link.clone()];
        let peer = bench.start(plan).await.unwrap();
        assert_eq!(call(&peer, "read_file", json!({"path": link.join("a.txt")})).await.unwrap(), "inside");
    }
}

#[tokio::test]
async fn a_server_has_the_environment_of_its_plan_and_no_other() {
    for bench in Bench::each() {
        let mut plan = plan("/usr/bin/env", &[]);
        plan.env = vec![("TOKEN".to_owned(), SecretValue::new("t0ken")), ("LANG".to_owned(), SecretValue::new("de"))];
        let mut lines = bench.run(plan).await.unwrap().lines();
        lines.sort();
        let names: Vec<_> = lines.iter().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        // Where it works is told by bubblewrap, as a shell would.
        let expected: &[_] = if bench.runtime.kernel.contains() {
            &["HOME", "LANG", "PATH", "PWD", "TMPDIR", "TOKEN"]
        } else {
            &["HOME", "LANG", "PATH", "TMPDIR", "TOKEN"]
        };
        assert_eq!(names, expected);
        assert!(lines.contains(&"LANG=de".to_owned()) && lines.contains(&"TOKEN=t0ken".to_owned()), "{lines:?}");
    }
}

#[tokio::test]
async fn variables_for_the_loader_take_effect_inside_only() {
    for bench in Bench::each() {
        let outside = bench.folder("outside");
        let mut plan = plan("/bin/true", &[]);
        let trace = outside.join("trace").display().to_string();
        plan.env = [("LD_DEBUG", "all".to_owned()), ("LD_DEBUG_OUTPUT", trace)]
            .map(|(name, value)| (name.to_owned(), SecretValue::new(value)))
            .to_vec();
        assert_eq!(bench.run(plan).await.unwrap().end(), "process ended with exit status 0");
        assert_eq!(outside.read_dir().unwrap().count(), 0, "the loader ran outside of the sandbox");
    }
}

#[tokio::test]
async fn a_server_without_a_network_can_open_no_socket_to_anyone() {
    for bench in Bench::each() {
        let folder = bench.folder("given");
        let _local = std::os::unix::net::UnixListener::bind(folder.join("engine.sock")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let script = format!(
            "
attempt('tcp', lambda: socket.socket(socket.AF_INET).connect(('127.0.0.1', {})))
attempt('tcp6', lambda: socket.socket(socket.AF_INET6).close())
attempt('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close())
attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
attempt('packet', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close())
attempt('netlink', lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM).close())
attempt('vsock', lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close())
attempt('pair', lambda: socket.socketpair()[0].close())
attempt('abstract', lambda: socket.socket(socket.AF_UNIX).connect('\\0nobody'))
",
            listener.local_addr().unwrap().port()
        );
        let Some(mut plan) = attempts(&script) else { return };
        let lines = bench.run(plan.clone()).await.unwrap().lines();
        let expected = ["tcp", "tcp6", "udp", "raw", "packet", "netlink", "vsock"].map(|name| format!("{name}: EPERM"));
        assert_eq!(lines[..7], expected);
        assert_eq!(lines[7], "pair: ok");
        assert!(lines[8] == "abstract: EPERM" || lines[8] == "abstract: ECONNREFUSED", "{}", lines[8]);

        // A socket that lies in no folder of the server is out of reach, whoever owns it.
        let local = format!(
            "attempt('local', lambda: socket.socket(socket.AF_UNIX).connect({:?}))",
            folder.join("engine.sock")
        );
        plan = attempts(&local).unwrap();
        let lines = bench.run(plan).await.unwrap().lines();
        assert!(["local: EPERM", "local: ENOENT"].contains(&lines[0].as_str()), "{lines:?}");
    }
}

/// A host that says that it was reached, and its port.
fn host() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nreached";
            let _ = stream.read(&mut [0; 1024]).and_then(|_| stream.write_all(answer));
        }
    });
    port
}

#[tokio::test]
async fn listed_hosts_are_reached_and_no_others() {
    for mut bench in Bench::each() {
        let port = host();
        let script = format!(
            "
import os, urllib.request
socket.setdefaulttimeout(20)
direct = urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open
def get(opener, host):
    if opener(f'http://{{host}}/').read() != b'reached': raise OSError(5, 'other')
proxied = urllib.request.urlopen
def refused(host):
    try: proxied(f'http://{{host}}/')
    except urllib.error.HTTPError as error: raise OSError(13 if error.code == 403 else 5, 'x')
attempt('direct', lambda: get(direct, 'api.test:{port}'))
attempt('proxied', lambda: get(proxied, 'api.test:{port}'))
attempt('other', lambda: refused('evil.test:{port}'))
attempt('otherport', lambda: refused('api.test:1'))
attempt('metadata', lambda: refused('169.254.169.254'))
attempt('loopback', lambda: socket.socket().connect(('127.0.0.1', {port})))
attempt('address', lambda: socket.socket().connect(('1.1.1.1', 443)))
attempt('udp', lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53)) and None)
attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
attempt('engine', lambda: socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock'))
print(sorted(name for _, name in socket.if_nameindex()))
"
        );
        let Some(mut plan) = attempts(&script) else { return };
        if !bench.runtime.capability().egress_filter {
            eprintln!("skipped: {:?}", bench.runtime.capability().notes);
            return;
        }
        let heard = Heard::default();
        let names = [("api.test", "127.0.0.1"), ("evil.test", "127.0.0.1"), ("in.test", "127.0.0.1")];
        bench.runtime.resolver = Arc::new(Names::new(&names));
        plan.network = NetworkRule::Listed(vec![format!("api.test:{port}"), "api.test:443".to_owned()]);
        plan.allow_private = true;
        plan.egress = Arc::new(heard.clone());
        let lines = bench.run(plan.clone()).await.unwrap().lines();
        let named = bench.runtime.kernel.contains();
        assert_eq!(lines[0] == "direct: ok", named, "{lines:?}");
        assert_eq!(lines[1], "proxied: ok");
        assert_eq!(lines[2..5], ["other: EACCES", "otherport: EACCES", "metadata: EACCES"], "{lines:?}");
        assert_eq!(lines[5..8], ["loopback: ECONNREFUSED", "address: ENETUNREACH", "udp: ENETUNREACH"], "{lines:?}");
        assert_eq!(lines[8], "raw: EPERM");
        assert!(["engine: EPERM", "engine: ENOENT"].contains(&lines[9].as_str()), "{lines:?}");
        assert!(lines[10].starts_with("['lo'"), "{lines:?}");
        for told in [format!("evil.test:{port} (the host is not listed)"), "api.test:1 (the host is listed".to_owned()]
        {
            heard.until(&told).await;
        }
        // As without a word in the profile, a name that leads to this machine is refused.
        plan.allow_private = false;
        let lines = bench.run(plan.clone()).await.unwrap().lines();
        assert!(lines[0] != "direct: ok" && lines[1] != "proxied: ok", "{lines:?}");
        heard.until("loopback address").await;
        plan.network = NetworkRule::Open;
        let open = bench.run(plan).await.unwrap().lines();
        assert_eq!(open[5], "loopback: ok", "{open:?}");
    }
}

#[tokio::test]
async fn a_server_has_no_rights_of_an_administrator() {
    for bench in Bench::each() {
        let script = "
import os, resource
for line in open('/proc/self/status'):
    if line.startswith(('Cap', 'NoNewPrivs', 'Seccomp:')):
        print(' '.join(line.split()))
print('open', sorted(os.listdir('/proc/self/fd')))
print('core', resource.getrlimit(resource.RLIMIT_CORE))
";
        let Some(plan) = python(script) else { return };
        let lines = bench.run(plan).await.unwrap().lines();
        let inside = bench.runtime.kernel.contains();
        for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(lines.contains(&format!("{name}: 0000000000000000")), "{lines:?}");
        }
        for line in ["NoNewPrivs: 1", "Seccomp: 2", "core (0, 0)"] {
            assert!(lines.contains(&line.to_owned()), "{lines:?}");
        }
        // The standard streams and the folder that is being listed; one more where bubblewrap keeps its own.
        let open = lines.iter().find(|line| line.starts_with("open")).unwrap();
        assert_eq!(open, "open ['0', '1', '2', '3']", "in namespaces: {inside}");
    }
}

#[tokio::test]
async fn calls_that_reach_into_the_kernel_fail() {
    if cfg!(not(target_arch = "x86_64")) {
        eprintln!("skipped: the numbers of these calls are those of x86-64");
        return;
    }
    // What a `clone` of new namespaces would start must not run on with this script.
    let script = "
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    result = libc.syscall(*[ctypes.c_long(arg) for arg in args])
    print(name + ':', 'ok' if result >= 0 else errno.errorcode[ctypes.get_errno()], flush=True)
call('unshare', 272, 0x10000000)
call('clone', 56, 0x10000000, 0, 0, 0, 0)
call('clone3', 435, 0, 0)
call('setns', 308, 0, 0)
call('mount', 165, 0, 0, 0, 0, 0)
call('chroot', 161, 0)
call('ptrace', 101, 16, 1)
call('keyctl', 250, 0, -3, 1)
call('io_uring', 425, 1, 0)
call('bpf', 321, 0, 0, 0)
call('perf', 298, 0, 0, -1, -1, 0)
call('userfaultfd', 323, 0)
call('pidfd_getfd', 438, 0, 0, 0)
call('x32', 0x40000000 + 39)
call('x32 socket', 0x40000000 + 41, 2, 1, 0)
call('getpid', 39)
";
    for bench in Bench::each() {
        let Some(plan) = attempts(script) else { return };
        let lines = bench.run(plan).await.unwrap().lines();
        for (name, error) in [
            ("unshare", "EPERM"),
            ("clone", "EPERM"),
            ("clone3", "ENOSYS"),
            ("setns", "EPERM"),
            ("mount", "EPERM"),
            ("chroot", "EPERM"),
            ("ptrace", "EPERM"),
            ("keyctl", "EPERM"),
            ("io_uring", "ENOSYS"),
            ("bpf", "EPERM"),
            ("perf", "EPERM"),
            ("userfaultfd", "EPERM"),
            ("pidfd_getfd", "EPERM"),
            ("x32", "ENOSYS"),
            ("x32 socket", "ENOSYS"),
            ("getpid", "ok"),
        ] {
            assert!(lines.contains(&format!("{name}: {error}")), "{name}: {lines:?}");
        }
    }
}

#[tokio::test]
async fn marks_on_files_of_others_and_settings_of_the_kernel_stay_as_they_are() {
    use std::os::unix::fs::PermissionsExt as _;
    for bench in Bench::each() {
        let (work, given) = (bench.folder("work"), bench.folder("given"));
        let (victim, readable) = (bench.file("victim", "x"), bench.file("given/a", "x"));
        let script = format!(
            "
attempt('mode', lambda: os.chmod({victim:?}, 0o777))
attempt('own mode', lambda: os.fchmod(os.open({readable:?}, os.O_RDONLY), 0o777))
attempt('owner', lambda: os.chown({victim:?}, 1, 1))
attempt('times', lambda: os.utime({victim:?}, (1, 1)))
attempt('mark', lambda: os.setxattr({victim:?}, 'user.x', b'x'))
attempt('setuid', lambda: (open({0:?}, 'w').close(), os.chmod({0:?}, 0o4755))[1])
attempt('create setuid', lambda: os.close(os.open({1:?}, os.O_CREAT | os.O_WRONLY, 0o4755)))
attempt('create setgid', lambda: os.close(os.open({1:?}, os.O_CREAT | os.O_WRONLY, 0o2755)))
attempt('kernel', lambda: open('/proc/sys/kernel/core_pattern', 'w').close())
attempt('sysrq', lambda: open('/proc/sysrq-trigger', 'w').close())
attempt('mode', lambda: os.chmod({0:?}, 0o644))
",
            work.join("s"),
            work.join("t")
        );
        let Some(mut plan) = attempts(&script) else { return };
        paths(&mut plan).write = vec![work.clone()];
        paths(&mut plan).read = vec![given];
        let before = victim.metadata().unwrap();
        let lines = bench.run(plan).await.unwrap().lines();
        let after = victim.metadata().unwrap();
        assert_eq!(before.permissions(), after.permissions(), "{lines:?}");
        assert_eq!(before.modified().unwrap(), after.modified().unwrap());
        assert_eq!(readable.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let made = work.join("s").metadata().unwrap().permissions().mode() & 0o7777;
        assert!([0o600, 0o644].contains(&made), "{made:o}");
        assert!(!work.join("t").exists());
        // Alone, changes of modes do nothing and say nothing.
        let contained = bench.runtime.kernel.contains();
        assert!(lines.contains(&format!("setuid: {}", if contained { "EPERM" } else { "ok" })), "{lines:?}");
        for name in ["create setuid", "create setgid"] {
            assert!(lines.contains(&format!("{name}: EPERM")), "{lines:?}");
        }
        for name in ["kernel", "sysrq"] {
            assert!(!lines.contains(&format!("{name}: ok")), "{lines:?}");
        }
    }
}

#[tokio::test]
async fn other_processes_are_out_of_reach() {
    for bench in Bench::each() {
        if !bench.runtime.kernel.missing().is_empty() {
            eprintln!("skipped: this kernel does not keep signals inside");
            continue;
        }
        let gateway = std::process::id();
        let script = format!(
            "
attempt('signal', lambda: os.kill({gateway}, 0))
attempt('arguments', lambda: open('/proc/{gateway}/cmdline').read() and None)
attempt('environment', lambda: open('/proc/{gateway}/environ').read() and None)
attempt('limits', lambda: __import__('resource').prlimit({gateway}, 7) and None)
attempt('priority', lambda: os.setpriority(os.PRIO_PROCESS, {gateway}, 19))
attempt('own', lambda: open('/proc/self/environ').read() and None)
"
        );
        let Some(plan) = attempts(&script) else { return };
        let lines = bench.run(plan).await.unwrap().lines();
        // In namespaces the same number may be another process, or none.
        let refused = |line: &str| ["EPERM", "EACCES", "ESRCH", "ENOENT"].iter().any(|error| line.ends_with(error));
        assert!(lines[..5].iter().all(|line| refused(line)), "{lines:?}");
        assert_eq!(lines[5], "own: ok");
    }
}

#[tokio::test]
async fn memory_is_bounded() {
    for bench in Bench::each() {
        let script = "
try:
    x = bytearray(400 << 20)
    print('allocated')
except MemoryError:
    print('refused')
";
        let Some(mut plan) = python(script) else { return };
        plan.limits = plan.limits.with_memory_bytes(200 << 20);
        assert_eq!(bench.run(plan).await.unwrap().lines(), ["refused"]);
    }
}

#[tokio::test]
async fn processes_are_bounded() {
    if super::super::sandbox::exec::is_root() {
        eprintln!("skipped: the kernel does not bound the processes of root, and the capability says so");
        return;
    }
    for bench in Bench::each() {
        let script = "
import os, signal, time
children = 0
try:
    while children < 5000:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        children += 1
    print('unbounded')
except BlockingIOError:
    print('bounded')
";
        let Some(mut plan) = python(script) else { return };
        plan.limits = plan.limits.with_pids(16);
        assert_eq!(bench.run(plan).await.unwrap().lines(), ["bounded"]);
        bench.gone().await;
    }
}

#[tokio::test]
async fn sensitive_paths_are_refused() {
    let bench = Bench::new(false);
    let link = bench.folder("").join("harmless");
    std::os::unix::fs::symlink("/etc", &link).unwrap();
    for path in [PathBuf::from("/etc"), link, bench.folder("home"), bench.folder("home/own"), bench.folder("")] {
        let mut plan = awkward_plan(&[]);
        paths(&mut plan).read = vec![path.clone()];
        assert_eq!(bench.start(plan).await.unwrap_err().kind(), ErrorKind::Denied, "{}", path.display());
        let mut plan = awkward_plan(&[]);
        paths(&mut plan).write = vec![path.clone()];
        assert_eq!(bench.start(plan).await.unwrap_err().kind(), ErrorKind::Denied, "{}", path.display());
    }
    bench.nothing_left_of_refused();
}

impl Bench {
    fn nothing_left_of_refused(&self) {
        let own = self.folder("home").join("own");
        assert!(!own.exists() || own.read_dir().unwrap().next().is_none());
    }
}

#[test]
fn what_a_kernel_lacks_is_said_and_refused_where_isolation_is_required() {
    let old = Kernel::default();
    assert!(!old.capability().file_isolation);
    let notes = old.capability().notes.join("\n");
    assert!(notes.contains("every file") && notes.contains("list of hosts are refused"), "{notes}");
    let listed = Reach::of(&NetworkRule::Listed(vec!["api.test:443".to_owned()])).unwrap();
    assert!(!old.capability().egress_filter);
    let error = old.require(&listed, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("list of hosts") && error.hints().any(|hint| hint.contains("network: open")));
    let error = old.require(&Reach::Nothing, true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("every file") && error.to_string().contains("signals"), "{error}");
    old.require(&Reach::Nothing, false).unwrap();
}

#[tokio::test]
async fn isolation_that_is_required_and_there_does_not_hinder() {
    let folder = tempfile::tempdir_in(scratch()).unwrap();
    let config = ProcessRuntimeConfig::new(folder.path().join("home")).with_require_isolation(true);
    let runtime = ProcessRuntime::new(config, None).unwrap();
    if let Err(error) = runtime.check().await {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        eprintln!("skipped: {error}");
        return;
    }
    runtime.start(&CallContext::local(), awkward_plan(&[])).await.unwrap();
}
