//! Whether what a person wrote can be carried out.

use super::{
    ApprovalSpec, DeliverySpec, LimitsSpec, NetworkSpec, OAuthGrant, OAuthSpec, ProfileSpec, QuotaSpec, ServerSpec,
    parse_duration,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, check_rules, parse_memory, token_kinds};
use crate::util::pattern::did_you_mean;

/// A value that cannot be right, and the keys that lead to it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) path: Vec<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl ProfileSpec {
    /// Checks durations, amounts, globs, hosts and names.
    ///
    /// # Errors
    /// `InvalidConfig` with the key of the first value that cannot be right, as `servers.github.limits.memory`.
    pub fn validate(&self) -> Result<()> {
        let Some(first) = faults(self).into_iter().next() else { return Ok(()) };
        let error = Error::new(ErrorKind::InvalidConfig, first.message)
            .with_operation("ProfileSpec::validate")
            .with_context("profile", &self.name)
            .with_context("key", first.path.join("."));
        Err(match first.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        })
    }
}

/// Whether a profile may become this.
pub(super) fn check_change(name: &ProfileName, next: &ProfileSpec) -> Result<()> {
    if next.name != *name {
        return Err(Error::new(ErrorKind::InvalidInput, "a profile's name cannot be changed")
            .with_context("profile", name)
            .with_hint("export it and import it under the new name"));
    }
    next.validate()
}

/// Everything that cannot be right.
pub(super) fn faults(spec: &ProfileSpec) -> Vec<Fault> {
    let mut check = Check::default();
    check.words(&["catalogs"], &spec.catalogs, "catalog");
    check.globs(&["tools"], &spec.tools);
    check.limits(&["limits"], &spec.limits);
    check.kinds(&["redaction", "except"], &spec.redaction.except);
    for (name, server) in &spec.servers {
        check.server(name.as_str(), server);
    }
    for (index, rule) in spec.policy.rules.iter().enumerate() {
        let globs =
            [("match", &rule.pattern), ("server", &rule.server), ("tool", &rule.tool), ("profile", &rule.profile)];
        for (key, globs) in globs {
            for glob in globs.as_slice().iter().filter(|glob| !is_word(glob.strip_prefix('!').unwrap_or(glob))) {
                let path = ["policy", "rules", &index.to_string(), key];
                check.fault(&path, format!("`{glob}` is not a pattern of names"), Some(PATTERN_FORM));
            }
        }
    }
    check.approval(&spec.approval);
    for (index, quota) in spec.quotas.iter().enumerate() {
        check.quota(&index.to_string(), quota);
    }
    if let Some((path, error)) = spec.audit.fault() {
        check.error(path, &error);
    }
    check.words(&["policy", "cedar"], &spec.policy.cedar, "file");
    for (path, message, hint) in spec.dynamic.faults() {
        let path: Vec<_> = std::iter::once("dynamic").chain(path.iter().map(String::as_str)).collect();
        check.fault(&path, message, Some(&hint));
    }
    for fault in check_rules(&spec.policy.rules) {
        let index = fault.index.to_string();
        let mut path = vec!["policy", "rules", index.as_str()];
        path.extend((!fault.key.is_empty()).then_some(fault.key));
        check.fault(&path, fault.message, Some(fault.hint));
    }
    for (glob, _) in spec.verify.signers.iter().filter(|(glob, _)| !is_word(glob)) {
        let hint = "write a repository with `*` for any characters, such as `ghcr.io/acme/*`";
        check.fault(&["verify", "signers", glob], format!("`{glob}` is not a pattern of repositories"), Some(hint));
    }
    for (keys, message) in spec.scope.faults() {
        let path: Vec<&str> = ["scope"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        check.fault(&path, message, Some("docs/scope.md lists the conditions of a rule"));
    }
    check.faults
}

const PATTERN_FORM: &str = "write a name with `*` for any characters, such as `github.delete_*`";
const HOST_FORM: &str = "write `host:port`, such as `api.github.com:443`, or one of the words `none` and `open`";

#[derive(Default)]
struct Check {
    faults: Vec<Fault>,
}

impl Check {
    fn fault(&mut self, path: &[&str], message: impl Into<String>, hint: Option<&str>) {
        let path = path.iter().map(|key| (*key).to_owned()).collect();
        self.faults.push(Fault { path, message: message.into(), hint: hint.map(str::to_owned) });
    }

    fn error(&mut self, path: &[&str], error: &Error) {
        let hint = error.hints().next().map(str::to_owned);
        self.fault(path, error.message().to_owned(), hint.as_deref());
    }

    fn server(&mut self, name: &str, server: &ServerSpec) {
        let at = |key: &'static str| ["servers", name, key];
        self.globs(&at("tools"), &server.tools);
        self.limits(&at("limits"), &server.limits);
        self.kinds(&["servers", name, "redaction", "except"], &server.redaction.except);
        if let Some(idle) = server.idle.as_deref().filter(|idle| *idle != "never")
            && let Err(error) = parse_duration(idle)
        {
            self.error(&at("idle"), &error);
        }
        if let Some(NetworkSpec::Hosts(hosts)) = &server.network {
            for (index, host) in hosts.iter().enumerate().filter(|(_, host)| !is_host(host)) {
                let path = ["servers", name, "network", &index.to_string()];
                self.fault(&path, format!("`{host}` is not `host:port`"), Some(HOST_FORM));
            }
        }
        for (variable, key) in server.secrets.iter().filter(|(variable, key)| !is_word(variable) || !is_word(key)) {
            let message = format!("`{variable}: {key}` is not a variable and the name of a secret");
            self.fault(&["servers", name, "secrets", variable], message, Some("names only, never a value"));
        }
        let delivered = server.delivery.iter().flat_map(DeliverySpec::names);
        for secret in delivered.filter(|secret| !is_word(secret)) {
            let path = ["servers", name, "delivery", secret];
            self.fault(&path, format!("`{secret}` is not the name of a secret"), Some("names only, never a value"));
        }
        for (secret, hosts) in &server.secret_hosts {
            if !is_word(secret) {
                let path = ["servers", name, "secretHosts", secret];
                self.fault(&path, format!("`{secret}` is not the name of a secret"), Some("names only, never a value"));
            }
            for (index, host) in hosts.iter().enumerate().filter(|(_, host)| !is_host(host)) {
                let path = ["servers", name, "secretHosts", secret, &index.to_string()];
                self.fault(&path, format!("`{host}` is not `host:port`"), Some(HOST_FORM));
            }
        }
        for (index, path) in server.writable.iter().enumerate().filter(|(_, path)| !is_absolute(path)) {
            let at = ["servers", name, "writable", &index.to_string()];
            self.fault(&at, format!("`{path}` is not an absolute path"), Some("write it from `/` or `~/` on"));
        }
        if let Some(oauth) = &server.oauth {
            self.oauth(name, oauth);
        }
        if let Some(runtime) = server.runtime.as_deref().filter(|runtime| !is_word(runtime)) {
            let hint = "such as `docker`, `process` or `remote`";
            self.fault(&at("runtime"), format!("`{runtime}` is not the name of a runtime"), Some(hint));
        }
    }

    fn oauth(&mut self, name: &str, oauth: &OAuthSpec) {
        let mut fault = |key: &str, why: &str, hint: &str| {
            self.fault(&["servers", name, "oauth", key], why, Some(hint));
        };
        if oauth.client_secret.is_some() && (oauth.client_id.is_none() || oauth.issuer.is_none()) {
            let hint = "set `clientId` and `issuer` too: nobody else is ever sent the secret";
            fault("clientSecret", "a secret without its client and its authorization server", hint);
        }
        if oauth.grant == OAuthGrant::ClientCredentials && oauth.client_secret.is_none() {
            fault(
                "grant",
                "a client without a secret gets no tokens for itself",
                "set `clientSecret`, the key of a secret",
            );
        }
    }

    fn limits(&mut self, path: &[&str], limits: &LimitsSpec) {
        let texts = [
            ("memory", &limits.memory, parse_memory as fn(&str) -> Result<u64>),
            ("maxMessage", &limits.max_message, parse_memory),
            ("callTimeout", &limits.call_timeout, duration),
            ("startTimeout", &limits.start_timeout, duration),
        ];
        for (key, text, parse) in texts {
            if let Some(Err(error)) = text.as_deref().map(parse) {
                self.error(&[path, &[key]].concat(), &error);
            }
        }
        if let Some(cpus) = limits.cpus.filter(|cpus| !cpus.is_finite() || *cpus <= 0.0) {
            let message = format!("`{cpus}` is not a number of cores");
            self.fault(&[path, &["cpus"]].concat(), message, Some("write such as `0.5`"));
        }
        if limits.pids == Some(0) {
            self.fault(&[path, &["pids"]].concat(), "a server needs at least one process", None);
        }
    }

    fn approval(&mut self, approval: &ApprovalSpec) {
        let times = [("wait", approval.wait()), ("goodFor", approval.good_for()), ("remember", approval.remember())];
        for (key, time) in times {
            if let Err(error) = time {
                self.error(&["approval", key], &error);
            }
        }
        if let Some(webhook) = &approval.webhook {
            let is_plain = webhook.allow_private && webhook.url.starts_with("http://");
            if !is_plain && !webhook.url.starts_with("https://") {
                let hint = "write `https://…`, or set `allowPrivate: true` if it is meant to be reached without TLS";
                let message = format!("`{}` is no address of a webhook", webhook.url);
                self.fault(&["approval", "webhook", "url"], message, Some(hint));
            }
            if !is_word(&webhook.secret) || webhook.secret.starts_with("whsec_") {
                let hint = "the key of the secret, never its value: `mcp-gateway secret set KEY` stores that";
                self.fault(&["approval", "webhook", "secret"], "this is not the key of a secret", Some(hint));
            }
        }
        for (index, name) in approval.trusted_clients.iter().enumerate().filter(|(_, name)| !is_word(name)) {
            let hint = "write the names of principals, without patterns";
            self.fault(
                &["approval", "trustedClients", &index.to_string()],
                format!("`{name}` names nobody"),
                Some(hint),
            );
        }
    }

    fn quota(&mut self, index: &str, quota: &QuotaSpec) {
        if let Err(error) = quota.rate() {
            self.error(&["quotas", index, "rate"], &error);
        }
        if let Err(error) = quota.max_result_bytes() {
            self.error(&["quotas", index, "maxResult"], &error);
        }
        for (key, glob) in [("server", &quota.server), ("principal", &quota.principal)] {
            if let Some(glob) = glob.as_deref().filter(|glob| !is_word(glob)) {
                self.fault(&["quotas", index, key], format!("`{glob}` is not a pattern of names"), Some(PATTERN_FORM));
            }
        }
        if quota.rate.is_none() && quota.concurrency.is_none() && quota.daily.is_none() && quota.max_result.is_none() {
            let hint = "write at least one of `rate`, `concurrency`, `daily` and `maxResult`";
            self.fault(&["quotas", index], "a quota that bounds nothing", Some(hint));
        }
    }

    fn globs(&mut self, path: &[&str], globs: &[String]) {
        for (index, glob) in globs.iter().enumerate() {
            let inner = glob.strip_prefix('!').unwrap_or(glob);
            if !is_word(inner) || inner.starts_with(':') || inner.ends_with(':') {
                let message = format!("`{glob}` is not a pattern of tools");
                let hint = "write such as `get_*`, or `!delete_*` to take tools out; of a profile, `server:tool`";
                self.fault(&[path, &[&index.to_string()]].concat(), message, Some(hint));
            }
        }
    }

    /// A kind of token that nobody knows would be looked for all the same.
    fn kinds(&mut self, path: &[&str], kinds: &[String]) {
        for (index, kind) in kinds.iter().enumerate().filter(|(_, kind)| !token_kinds().any(|known| known == *kind)) {
            let hint = match did_you_mean(kind, token_kinds()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the kinds are {}", token_kinds().collect::<Vec<_>>().join(", ")),
            };
            let message = format!("`{kind}` is not a kind of token");
            self.fault(&[path, &[&index.to_string()]].concat(), message, Some(&hint));
        }
    }

    fn words(&mut self, path: &[&str], words: &[String], what: &str) {
        for (index, _) in words.iter().enumerate().filter(|(_, word)| word.trim().is_empty()) {
            self.fault(&[path, &[&index.to_string()]].concat(), format!("{what} without a name"), None);
        }
    }
}

/// A duration of any length but none; `0s` would end every call before it began.
fn duration(text: &str) -> Result<u64> {
    match parse_duration(text)?.as_millis() {
        0 => Err(Error::new(ErrorKind::InvalidInput, format!("`{text}` is no time at all"))),
        millis => Ok(u64::try_from(millis).unwrap_or(u64::MAX)),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || path.starts_with("~/") || std::path::Path::new(path).is_absolute()
}

/// `host:port`, `*.host:port`, `[address]:port`.
fn is_host(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*');
    let is_name = !host.is_empty() && !host.starts_with('-') && host.chars().all(allowed);
    let is_address = inner.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    (is_name || is_address) && port.parse::<u16>().is_ok_and(|port| port > 0)
}
