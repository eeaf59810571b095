//! `oauth …`, against an authorization server that checks what it is sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use url::Url;

use crate::oauth_servers::{Knobs, OAuthServers};
use crate::support::{Place, wait};

const WHOAMI: &str = "tools call far.whoami --profile dev";

/// A place whose profile `dev` has the protected server `far`.
fn place(servers: &OAuthServers) -> Place {
    let place = Place::new();
    let remote = format!("{{url: '{}', transport_type: streamable-http}}", servers.url("/mcp"));
    place.write(
        "far.yaml",
        &format!("registry: {{far: {{title: Far, type: remote, remote: {remote}, oauth: {{providers: [{{provider: far}}]}}}}}}"),
    );
    place.write("dev.yaml", "name: dev\nservers: {far: {allowPrivate: true}}\npolicy: {default: allow}\n");
    place.ok("catalog add test far.yaml");
    place.ok("profile import dev.yaml");
    place
}

/// A command that has printed the address for the browser.
struct Begun {
    child: Child,
    url: String,
    stdout: BufReader<ChildStdout>,
}

impl Begun {
    fn of(place: &Place, line: &str) -> Self {
        let mut child = place.command(line.split(' ')).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        stdout.read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}: {}", place.shown(&wait(child)));
        Self { child, url: url.trim_end().to_owned(), stdout }
    }

    /// Everything else that it says, once it has ended.
    fn end(mut self, place: &Place) -> String {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        rest + &place.shown(&wait(self.child))
    }
}

/// Without the addresses that differ between two runs.
fn filtered(text: &str, servers: &OAuthServers) -> String {
    text.replace(&servers.address.to_string(), "[SERVERS]")
}

fn get(uri: &Url) -> String {
    let mut stream = TcpStream::connect((uri.host_str().unwrap(), uri.port().unwrap())).unwrap();
    write!(stream, "GET {}?{} HTTP/1.1\r\nHost: x\r\n\r\n", uri.path(), uri.query().unwrap_or_default()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_server_is_authorized_by_pasting_and_revoked() {
    let servers = OAuthServers::start(Knobs::default());
    let place = place(&servers);
    insta::assert_snapshot!("call_needs_authorization", filtered(&place.show(WHOAMI), &servers));
    insta::assert_snapshot!("ls_needed", filtered(&place.show("oauth ls --profile dev"), &servers));

    let mut begun = Begun::of(&place, "oauth authorize far --profile dev --paste");
    let answer = servers.approve(&begun.url);
    writeln!(begun.child.stdin.take().unwrap(), "{answer}").unwrap();
    insta::assert_snapshot!("paste", filtered(&begun.end(&place), &servers));

    assert!(place.ok(WHOAMI).contains("with read"));
    insta::assert_snapshot!("ls_authorized", filtered(&place.show("oauth ls --profile dev"), &servers));
    insta::assert_snapshot!("ls_json", filtered(&place.show("oauth ls --profile dev --format json"), &servers));
    let listed = place.ok("secret ls");
    assert!(listed.lines().count() == 2 && listed.contains("oauth.credential  dev      far "), "{listed}");
    let trail = place.ok("audit query --profile dev --format json");
    assert!(trail.contains("oauth/authorize"));
    for text in [trail, place.ok("server inspect far --profile dev"), place.ok("profile secret ls --profile dev")] {
        assert!(!text.contains("access-") && !text.contains("refresh-") && !text.contains("code-"), "{text}");
    }

    insta::assert_snapshot!("revoke", filtered(&place.show("oauth revoke far --profile dev"), &servers));
    assert!(servers.tokens().is_empty());
    assert_eq!(place.run(WHOAMI.split(' ')).status.code(), Some(16));
    assert_eq!(place.run("oauth revoke far --profile dev".split(' ')).status.code(), Some(11));
}

#[test]
fn the_browser_comes_back_to_a_port_that_takes_its_answer_only() {
    let servers = OAuthServers::start(Knobs::default());
    let place = place(&servers);
    let begun = Begun::of(&place, "oauth authorize far --profile dev --no-browser --scope write");
    let back = Url::parse(&servers.approve(&begun.url)).unwrap();
    let mut wrong = back.clone();
    wrong.set_query(Some("code=x&state=y"));
    let mut icon = back.clone();
    icon.set_path("/favicon.ico");
    // A connection that says nothing keeps nobody waiting.
    let _silent = TcpStream::connect((back.host_str().unwrap(), back.port().unwrap())).unwrap();
    for other in [wrong, icon] {
        assert!(get(&other).starts_with("HTTP/1.1 404"));
    }
    assert!(get(&back).contains("The server is authorized"));
    let said = begun.end(&place);
    assert!(said.contains("exit: 0") && said.contains("`far` is authorized"), "{said}");
    assert!(place.ok(WHOAMI).contains("with write"));

    // The client keeps the address that it has registered.
    let begun = Begun::of(&place, "oauth authorize far --profile dev --no-browser --scope write");
    let again = Url::parse(&servers.approve(&begun.url)).unwrap();
    assert_eq!((again.port(), servers.seen("/register").len()), (back.port(), 1));
    let denied =
        format!("error=access_denied&state={}", again.query_pairs().find(|(name, _)| name == "state").unwrap().1);
    let mut refusal = again;
    refusal.set_query(Some(&denied));
    assert!(get(&refusal).contains("not authorized"));
    let said = begun.end(&place);
    assert!(said.contains("exit: 15"), "{said}");
}

#[test]
fn what_cannot_be_authorized_says_why() {
    let servers = OAuthServers::start(Knobs::default());
    let place = place(&servers);
    let shown = place.run_with_input("oauth authorize far --profile dev --paste".split(' '), "");
    assert_eq!(shown.status.code(), Some(2));
    let shown = place
        .run_with_input("oauth authorize far --profile dev --paste".split(' '), "http://127.0.0.1/?code=1&state=2\n");
    assert_eq!(shown.status.code(), Some(15));
    insta::assert_snapshot!("authorize_unknown", place.show("oauth authorize fra --profile dev"));
    let elsewhere = "name: dev\nservers: {far: {allowPrivate: true, oauth: {redirectUri: 'https://app.example/cb'}}}\n";
    place.write("dev.yaml", elsewhere);
    place.ok("profile import dev.yaml --replace");
    insta::assert_snapshot!("authorize_elsewhere", place.show("oauth authorize far --profile dev"));
    place.write("dev.yaml", "name: dev\nservers: {far: {oauth: {clientId: x, clientSecret: S}}}\n");
    insta::assert_snapshot!("secret_without_issuer", place.show("profile import dev.yaml --replace"));
}
