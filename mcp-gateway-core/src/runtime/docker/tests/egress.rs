//! What a container with a list of hosts reaches, tried from inside by a program that wants more.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::DockerRuntime;
use super::support::{Bench, ECHO, bench, closed, container, echo, plan, plan_of, runtime_in};
use crate::error::{Error, ErrorKind};
use crate::model::{CallContext, NetworkRule};
use crate::runtime::egress::testing::{Heard, Names};
use crate::runtime::{HttpEndpoint, LaunchPlan, Runtime};
use crate::util::{fs, tls};

/// A certificate for `api.test`.
const CERTIFICATE: &str = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=api.test \
    -addext subjectAltName=DNS:api.test -days 2";

/// Functions of the program inside: each gives what it got or why it got nothing.
const TOOLS: &str = r#"
import json, os, socket, ssl, sys, urllib.request
socket.setdefaulttimeout(20)
def talk(stream, data):
    stream.sendall(data)
    got = b''
    while True:
        more = stream.recv(65536)
        if not more: return got.decode(errors='replace')
        got += more
def attempt(work):
    try: return work() or 'nothing'
    except Exception as error: return f'{type(error).__name__}: {error}'
def tcp(host, port, data=b'hello\n'):
    return attempt(lambda: talk(socket.create_connection((host, port)), data))
def request(host, port, name):
    return tcp(host, port, f'GET /x HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n'.encode())
def tls(host, port, name):
    context = ssl.create_default_context(cadata=os.environ.get('AUTHORITY'))
    return attempt(lambda: talk(context.wrap_socket(socket.create_connection((host, port)), server_hostname=name), b'GET / HTTP/1.1\r\n\r\n'))
def resolve(name): return attempt(lambda: socket.gethostbyname(name))
def url(address): return attempt(lambda: urllib.request.urlopen(address).read().decode())
def door(line): return attempt(lambda: knock(line))
def knock(line):
    stream = socket.socket(socket.AF_UNIX)
    stream.connect('/.mcp-gateway/door/egress.sock')
    return talk(stream, line.encode() + b'\nGET / HTTP/1.1\r\nHost: ' + line.split(':')[0].encode() + b'\r\n\r\n')
"#;

/// Hosts of a test, on this machine's loopback, and a bench whose containers find them by name.
struct Hosts {
    bench: Bench,
    heard: Heard,
    names: Names,
    web: u16,
    tls: u16,
    authority: String,
}

/// `None`, with the reason printed, without an engine.
async fn hosts() -> Option<Hosts> {
    let bench = bench().await?;
    let names = Names::new(&[("api.test", "127.0.0.1"), ("evil.test", "127.0.0.1"), ("a.wild.test", "127.0.0.1")]);
    let bench = Bench { runtime: with_names(bench.runtime, &names), home: bench.home };
    let (tls, authority) = serve_tls(bench.home.path()).await;
    Some(Hosts { heard: Heard::default(), names, web: serve_web().await, tls, authority, bench })
}

fn with_names(mut runtime: DockerRuntime, names: &Names) -> DockerRuntime {
    runtime.exits.resolver = Arc::new(names.clone());
    runtime
}

/// A host of the web: says what it was asked; sends `/away` to another host.
async fn serve_web() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut got = vec![0; 4096];
                let count = stream.read(&mut got).await.unwrap_or(0);
                let asked = String::from_utf8_lossy(&got[..count]);
                let answer = if asked.contains(" /away ") {
                    format!(
                        "HTTP/1.1 302 Found\r\nLocation: http://evil.test:{port}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    )
                } else {
                    "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nreached".to_owned()
                };
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    port
}

async fn serve_tls(folder: &Path) -> (u16, String) {
    let made = std::process::Command::new("sh").args(["-c", CERTIFICATE]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut got = [0; 1024];
                let _ = stream.read(&mut got).await;
                let _ = stream.write_all(b"reached by TLS").await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (port, fs::read_to_string(&folder.join("cert.pem")).unwrap())
}

impl Hosts {
    /// A plan with a list in which `WEB` and `TLS` stand for the ports of the hosts.
    fn listed(&self, plan: &mut LaunchPlan, list: &[&str]) {
        let ports = |entry: &&str| entry.replace("WEB", &self.web.to_string()).replace("TLS", &self.tls.to_string());
        plan.network = NetworkRule::Listed(list.iter().map(ports).collect());
        plan.allow_private = true;
        plan.egress = Arc::new(self.heard.clone());
        plan.env.push(("AUTHORITY".to_owned(), crate::model::SecretValue::new(self.authority.clone())));
    }

    /// Runs lines inside, with the list, and gives what they printed.
    async fn inside(&self, list: &[&str], lines: &str) -> Vec<String> {
        let lines = lines.replace("WEB", &self.web.to_string()).replace("TLS", &self.tls.to_string());
        let mut plan = plan(&["python3", "-uc", &format!("{TOOLS}\n{lines}")]);
        self.listed(&mut plan, list);
        let output = self.bench.runtime.run_once(&CallContext::local(), plan).await.unwrap();
        assert_eq!(output.exit_code, 0, "{}{}", output.stdout, output.stderr);
        output.stdout.lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn listed_hosts_are_reached_by_their_names_and_ports() {
    let Some(hosts) = hosts().await else { return };
    let got = hosts
        .inside(
            &["api.test:WEB", "api.test:TLS"],
            "print(request('api.test', WEB, 'api.test').split()[-1])
print(tls('api.test', TLS, 'api.test'))
print(url('http://api.test:WEB/'))
print(sorted(os.listdir('/sys/class/net')), os.getuid())",
        )
        .await;
    assert_eq!(got, ["reached", "reached by TLS", "reached", "['lo'] 65534"]);
    assert_eq!(hosts.heard.all(), Vec::<String>::new());
    hosts.bench.empty().await;
}

#[tokio::test]
async fn a_server_inside_is_itself_with_its_streams_and_its_exit_code() {
    let Some(hosts) = hosts().await else { return };
    let mut plan = plan(ECHO);
    hosts.listed(&mut plan, &["api.test:443"]);
    let mut running = hosts.bench.try_start(plan.clone()).await.unwrap();
    echo(&mut running.connection, "hello").await;
    running.connection.sink.close().await;
    assert!(closed(&mut running.connection).await.message().contains("code 0"));
    for (script, code) in [("exit 7", 7), ("kill -TERM $$", 143)] {
        let mut once = super::support::plan(&["sh", "-c", script]);
        hosts.listed(&mut once, &["api.test:443"]);
        let output = hosts.bench.runtime.run_once(&CallContext::local(), once).await.unwrap();
        assert_eq!(i64::from(code), output.exit_code, "{script} {output:?}");
    }
    let mut absent = super::support::plan(&["no-such-program"]);
    hosts.listed(&mut absent, &["api.test:443"]);
    let output = hosts.bench.runtime.run_once(&CallContext::local(), absent).await.unwrap();
    assert_eq!((output.exit_code, output.stderr.trim()), (127, "mcp-gateway: there is no program no-such-program"));
    hosts.bench.empty().await;
}

#[tokio::test]
async fn nothing_else_is_reached_in_any_way() {
    let Some(hosts) = hosts().await else { return };
    // Another container, with a network and a listener, and this machine's address on the bridge.
    let mut other = plan(&["python3", "-m", "http.server", "8000"]);
    other.network = NetworkRule::Open;
    let other = hosts.bench.try_start(other).await.unwrap();
    let inspected = hosts.bench.runtime.engine.bollard().inspect_container(other.id.as_str(), None).await.unwrap();
    let bridge = inspected.network_settings.unwrap().networks.unwrap().remove("bridge").unwrap();
    let (neighbour, host) = (bridge.ip_address.unwrap(), bridge.gateway.unwrap());
    let lines = format!(
        "print(request('api.test', 81, 'api.test'))
print(request('evil.test', WEB, 'evil.test'))
print(request('127.0.0.1', WEB, 'api.test'))
print(request('{neighbour}', 8000, '{neighbour}'))
print(request('{host}', WEB, 'api.test'))
print(request('169.254.169.254', 80, '169.254.169.254'))
print(request('1.1.1.1', 80, '1.1.1.1'))
print(request('::1', WEB, 'api.test'))
print(resolve('evil.test'))
print(tls('api.test', TLS, 'evil.test'))
print(request('api.test', WEB, 'evil.test'))
print(door('evil.test:WEB'))
print(door('127.0.0.1:WEB'))
print(door('169.254.169.254:80'))
print(door('api.test:22'))
print(url('http://evil.test:WEB/'))
print(url('http://169.254.169.254/latest/meta-data'))
print(url('http://api.test:WEB/away'))
raw = attempt(lambda: str(socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)))
print(raw)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(attempt(lambda: udp.sendto(b'x', ('8.8.8.8', 53))))"
    );
    let got = hosts.inside(&["api.test:WEB", "api.test:TLS"], &lines).await;
    assert_eq!(got.len(), 20, "{got:#?}");
    for (line, got) in lines.lines().filter(|line| line.starts_with("print")).zip(&got) {
        assert!(!got.contains("reached"), "{line}: {got}");
        let refused = ["Error", "error", "nothing"].iter().any(|word| got.contains(word));
        assert!(refused, "{line}: {got}");
    }
    for told in [
        "evil.test (the host is not listed)".to_owned(),
        "its TLS connection is for `evil.test`".to_owned(),
        "its request is for `evil.test`".to_owned(),
        format!("evil.test:{} (the host is not listed)", hosts.web),
        format!("127.0.0.1:{} (the host is not listed)", hosts.web),
        "169.254.169.254:80 (the host is not listed)".to_owned(),
        "api.test:22 (the host is listed with other ports)".to_owned(),
    ] {
        hosts.heard.until(&told).await;
    }
    assert!(got[15].contains("403") && got[16].contains("403") && got[17].contains("403"), "{got:#?}");
    drop(other);
    hosts.bench.empty().await;
}

#[tokio::test]
async fn wildcards_are_reached_by_the_proxy() {
    let Some(hosts) = hosts().await else { return };
    let got = hosts
        .inside(
            &["*.wild.test:WEB"],
            "print(url('http://a.wild.test:WEB/'))
print(url('http://wild.test:WEB/'))
print(url('http://a.wild.test.evil.test:WEB/'))
print(os.environ['HTTPS_PROXY'], os.environ['NODE_USE_ENV_PROXY'])",
        )
        .await;
    assert_eq!(got[0], "reached");
    assert!(got[1].contains("403") && got[2].contains("403"), "{got:?}");
    assert_eq!(got[3], "http://127.0.0.1:3128 1");
    hosts.bench.empty().await;
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_reached() {
    let Some(hosts) = hosts().await else { return };
    for (address, why) in [("169.254.169.254", "metadata"), ("127.0.0.1", "loopback"), ("172.17.0.1", "private")] {
        hosts.names.set("api.test", address);
        let mut plan = plan(&["python3", "-uc", &format!("{TOOLS}\nprint(request('api.test', 80, 'api.test'))")]);
        hosts.listed(&mut plan, &["api.test:80"]);
        // As without a word in the profile.
        plan.allow_private = false;
        let output = hosts.bench.runtime.run_once(&CallContext::local(), plan).await.unwrap();
        assert!(output.stdout.contains("nothing") || output.stdout.contains("Error"), "{output:?}");
        hosts.heard.until(why).await;
    }
    hosts.bench.empty().await;
}

#[tokio::test]
async fn a_thousand_connections_do_not_keep_the_server_from_its_hosts() {
    let Some(hosts) = hosts().await else { return };
    let got = hosts
        .inside(
            &["api.test:WEB"],
            "import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held = []
for _ in range(1000):
    stream = socket.socket(); stream.setblocking(False); stream.connect_ex(('api.test', WEB)); held.append(stream)
for stream in held: stream.close()
print(request('api.test', WEB, 'api.test').split()[-1])",
        )
        .await;
    assert_eq!(got, ["reached"]);
    hosts.bench.empty().await;
}

#[tokio::test]
async fn doors_go_with_their_servers() {
    let Some(hosts) = hosts().await else { return };
    let doors = || {
        let found = hosts.bench.home.path().join("egress").read_dir().into_iter().flatten().flatten();
        found.filter(|entry| entry.path().is_dir()).count()
    };
    let listed = |command: &[&str]| {
        let mut plan = plan(command);
        hosts.listed(&mut plan, &["api.test:WEB"]);
        plan
    };
    let stopped = hosts.bench.try_start(listed(ECHO)).await.unwrap();
    let dropped = hosts.bench.try_start(listed(ECHO)).await.unwrap();
    let mut crashed = hosts.bench.try_start(listed(&["sh", "-c", "read -r line; exit 3"])).await.unwrap();
    assert_eq!(doors(), 3);
    hosts.bench.runtime.stop(&stopped.id).await.unwrap();
    drop(dropped);
    crashed.connection.sink.close().await;
    assert!(closed(&mut crashed.connection).await.message().contains("code 3"));
    hosts.bench.empty().await;
    until(|| doors() == 0).await;

    let mut failing = container(&["true"]);
    failing.image_id = Some("sha256:no-such-image".to_owned());
    let mut plan = plan_of(failing);
    hosts.listed(&mut plan, &["api.test:WEB"]);
    assert_eq!(hosts.bench.try_start(plan).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(doors(), 0);

    // What a killed gateway leaves: no lock is held, the folder stays.
    std::fs::create_dir(hosts.bench.home.path().join("egress/abcdef012345-1")).unwrap();
    runtime_in(hosts.bench.home.path(), |builder| builder).sweep().await.unwrap();
    assert_eq!(doors(), 0);
}

async fn until(done: impl Fn() -> bool + Send + Sync) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(super::support::PATIENCE, waiting).await.expect("doors were left behind");
}

#[tokio::test]
async fn an_engine_elsewhere_gets_no_server_with_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime_in(folder.path(), |builder| builder.with_host("tcp://127.0.0.1:1"));
    let mut plan = plan(ECHO);
    plan.network = NetworkRule::Listed(vec!["api.test:443".to_owned()]);
    let error: Error = runtime.start(&CallContext::local(), plan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("list of hosts") && error.hints().any(|hint| hint.contains("network: open")));
    assert!(!runtime.capability().egress_filter);
}

#[tokio::test]
async fn what_cannot_be_kept_to_a_list_is_not_started() {
    let Some(bench) = bench().await else { return };
    let listed = |list: &[&str]| NetworkRule::Listed(list.iter().map(|&entry| entry.to_owned()).collect());
    let mut http = container(ECHO);
    http.http = Some(HttpEndpoint::new(8080, "/mcp"));
    for (container, list, kind) in [
        (http, &["api.test:443"][..], ErrorKind::InvalidConfig),
        (container(ECHO), &["api.test:"][..], ErrorKind::InvalidConfig),
    ] {
        let mut plan = plan_of(container);
        plan.network = listed(list);
        let error = bench.try_start(plan).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", error.report());
        assert!(error.hints().next().is_some(), "{}", error.report());
    }
    assert!(bench.runtime.list().await.unwrap().is_empty());
    assert!(bench.runtime.capability().egress_filter);
}
