//! The parts of a server's entry.

use indexmap::IndexMap;

use crate::catalog::decode::fields::Fields;
use crate::catalog::diagnostic::suggestion;
use crate::catalog::tree::Kind;
use crate::error::{Error, ErrorKind};
use crate::model::{
    ConfigEntry, EntryApproval, EnvEntry, Limits, Metadata, OAuthEntry, OAuthProvider, ProcessEntry, ProcessPackage,
    RemoteEntry, RemoteTransport, SecretDelivery, SecretEntry, Signer, ToolContainer, ToolEntry, VerifyMode,
    parse_memory,
};
use crate::util::clock::parse_rfc3339;

pub(super) fn env(fields: &mut Fields<'_>) -> Vec<EnvEntry> {
    let variables = fields.each("env").into_iter().filter_map(|mut variable| {
        let name = variable.required_text("name")?;
        let value = variable.scalar("value");
        let extra = variable.rest(&["example", "description", "default", "required"]);
        Some(EnvEntry { name, value, extra })
    });
    variables.collect()
}

pub(super) fn secrets(fields: &mut Fields<'_>) -> Vec<SecretEntry> {
    let secrets = fields.each("secrets").into_iter().filter_map(|mut secret| {
        let (name, env) = (secret.required_text("name"), secret.required_text("env"));
        let required = secret.flag("required");
        let delivery = delivery(&mut secret);
        let hosts = secret.texts("hosts");
        let extra = secret.rest(&["example", "description", "default"]);
        Some(SecretEntry { name: name?, env: env?, required, delivery, hosts, extra })
    });
    secrets.collect()
}

fn delivery(secret: &mut Fields<'_>) -> Option<SecretDelivery> {
    match SecretDelivery::parse(&secret.text("delivery")?) {
        Ok(delivery) => Some(delivery),
        Err(error) => {
            secret.report("delivery", &error);
            None
        }
    }
}

pub(super) fn config(fields: &mut Fields<'_>) -> Vec<ConfigEntry> {
    let configs = fields.each("config").into_iter().filter_map(|mut config| {
        let name = config.required_text("name")?;
        // The rest is a JSON schema, which has keys of its own.
        Some(ConfigEntry { name, schema: config.rest_as_is() })
    });
    configs.collect()
}

pub(super) fn remote(fields: &mut Fields<'_>) -> Option<RemoteEntry> {
    let mut remote = fields.inner("remote")?;
    let url = remote.required_text("url");
    let transport = match remote.text("transport_type") {
        Some(word) => transport(&remote, &word),
        None => Some(RemoteTransport::StreamableHttp),
    };
    let mut headers = IndexMap::new();
    for field in remote.entries("headers") {
        match field.value.scalar() {
            Some(value) => drop(headers.insert(field.key.clone(), value)),
            None => remote.wrong(&format!("headers.{}", field.key), &field.value, "a text"),
        }
    }
    let mut entry = RemoteEntry::new(url?, transport?);
    entry.headers = headers;
    entry.extra = remote.rest(&[]);
    Some(entry)
}

fn transport(remote: &Fields<'_>, word: &str) -> Option<RemoteTransport> {
    match word.to_ascii_lowercase().as_str() {
        "sse" => Some(RemoteTransport::Sse),
        "streamable-http" | "streamable" | "streaming" | "http" => Some(RemoteTransport::StreamableHttp),
        _ => {
            let message =
                format!("`{}` must be `streamable-http` or `sse`, not `{word}`", remote.path("transport_type"));
            let hint = suggestion(word, ["streamable-http", "sse"]);
            remote.problems().error(remote.place("transport_type"), message, hint);
            None
        }
    }
}

pub(super) fn oauth(fields: &mut Fields<'_>) -> Option<OAuthEntry> {
    let mut oauth = fields.inner("oauth")?;
    let providers = oauth.each("providers").into_iter().filter_map(|mut provider| {
        let name = provider.required_text("provider");
        let (secret, env) = (provider.text("secret"), provider.text("env"));
        Some(OAuthProvider { provider: name?, secret, env, extra: provider.rest(&[]) })
    });
    let providers = providers.collect();
    let scopes = oauth.texts("scopes");
    Some(OAuthEntry { providers, scopes, extra: oauth.rest(&[]) })
}

/// Tools are mappings; a bare text is a tool of that name.
pub(super) fn tools(fields: &mut Fields<'_>) -> Vec<ToolEntry> {
    let path = fields.path("tools");
    let problems = fields.problems();
    let tools = fields.items("tools").iter().enumerate().filter_map(|(index, node)| match &node.kind {
        Kind::Text(name) => Some(ToolEntry { name: name.clone(), ..ToolEntry::default() }),
        _ => Fields::of(node, format!("{path}[{index}]"), problems).and_then(tool),
    });
    tools.collect()
}

fn tool(mut fields: Fields<'_>) -> Option<ToolEntry> {
    let name = fields.required_text("name");
    let description = fields.text("description");
    let (arguments, parameters) = (fields.value("arguments"), fields.value("parameters"));
    let annotations = fields.value("annotations");
    let container = container(&mut fields);
    let extra = fields.rest(&["policy", "enabled"]);
    Some(ToolEntry { name: name?, description, arguments, parameters, annotations, container, extra })
}

fn container(fields: &mut Fields<'_>) -> Option<ToolContainer> {
    let mut container = fields.inner("container")?;
    let image = container.required_text("image");
    let (command, volumes) = (container.texts("command"), container.texts("volumes"));
    let user = container.scalar("user");
    Some(ToolContainer { image: image?, command, volumes, user, extra: container.rest(&[]) })
}

pub(super) fn metadata(fields: &mut Fields<'_>) -> Option<Metadata> {
    let mut metadata = fields.inner("metadata")?;
    let (category, tags) = (metadata.text("category"), metadata.texts("tags"));
    let (license, owner) = (metadata.text("license"), metadata.text("owner"));
    Some(Metadata { category, tags, license, owner, extra: metadata.rest_as_is() })
}

/// `cpus` and `memory`, beside each other or under `limits`, where `cpu` is also understood.
pub(super) fn resources(fields: &mut Fields<'_>) -> Option<Limits> {
    let mut resources = fields.inner("resources")?;
    let mut limits = Limits::default();
    let mut found = amounts(&mut resources, &mut limits);
    if let Some(mut inner) = resources.inner("limits") {
        found |= amounts(&mut inner, &mut limits);
        inner.rest(&[]);
    }
    resources.rest(&[]);
    found.then_some(limits)
}

fn amounts(fields: &mut Fields<'_>, limits: &mut Limits) -> bool {
    let mut found = false;
    if let Some(memory) = fields.scalar("memory") {
        found = true;
        match parse_memory(&memory) {
            Ok(bytes) => limits.memory_bytes = bytes,
            Err(error) => fields.report("memory", &error),
        }
    }
    for key in ["cpus", "cpu"] {
        let Some(written) = fields.scalar(key) else { continue };
        found = true;
        match cores(&written) {
            Some(cpus) => limits.cpus = cpus,
            None => {
                let message = format!("`{}` must be a number of cores, not `{written}`", fields.path(key));
                fields.problems().error(fields.place(key), message, Some("write such as `0.5` or `500m`".to_owned()));
            }
        }
    }
    if let Some(node) = fields.node("pids") {
        found = true;
        match node.scalar().and_then(|written| written.parse().ok()).filter(|pids| *pids > 0) {
            Some(pids) => limits.pids = pids,
            None => fields.wrong("pids", node, "a number of processes"),
        }
    }
    found
}

/// Reads cores as `0.5` or, in thousandths, as `500m`.
fn cores(written: &str) -> Option<f64> {
    let cores = match written.strip_suffix('m') {
        Some(thousandths) => thousandths.parse::<f64>().ok()? / 1000.0,
        None => written.parse().ok()?,
    };
    (cores.is_finite() && cores > 0.0).then_some(cores)
}

pub(super) fn process(fields: &mut Fields<'_>) -> Option<ProcessEntry> {
    let mut process = fields.inner("process")?;
    let named = [
        process.text("command").map(ProcessPackage::Command),
        process.text("npm").map(ProcessPackage::Npm),
        process.text("pypi").map(ProcessPackage::Pypi),
    ];
    let mut named = named.into_iter().flatten();
    let package = match (named.next(), named.next()) {
        (Some(package), None) => Some(package),
        (first, _) => {
            let found = if first.is_some() { "several" } else { "none" };
            let message = format!("`{}` must have one of `command`, `npm` and `pypi`, not {found}", process.name());
            process.problems().error(process.at(), message, None);
            None
        }
    };
    let (args, read, write) = (process.texts("args"), process.texts("read"), process.texts("write"));
    let extra = process.rest(&[]);
    let mut entry = ProcessEntry::new(package?);
    (entry.args, entry.read, entry.write, entry.extra) = (args, read, write, extra);
    Some(entry)
}

/// `port` or `port/path`; what stands there is kept as `port/path`.
pub(super) fn http(fields: &mut Fields<'_>) -> Option<String> {
    let written = fields.scalar("http")?;
    let (port, path) = written.split_once('/').unwrap_or((&written, "mcp"));
    if port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Some(format!("{port}/{path}"));
    }
    let message = format!("`{}` must be a port and a path, not `{written}`", fields.path("http"));
    fields.problems().error(fields.place("http"), message, Some("write such as `http: 8080/mcp`".to_owned()));
    None
}

/// Who signs images: a name, or a mapping with a key or an identity.
pub(super) fn signer(fields: &mut Fields<'_>) -> Option<Signer> {
    let written = fields.value("signer");
    if written.is_null() {
        return None;
    }
    match serde_json::from_value(written) {
        Ok(signer) => Some(signer),
        Err(cause) => {
            fields.report("signer", &Error::new(ErrorKind::InvalidConfig, cause.to_string()));
            None
        }
    }
}

/// Whether images must be signed; `off` is a word here, whatever a reader of YAML makes of it.
pub(super) fn verify(fields: &mut Fields<'_>) -> Option<VerifyMode> {
    let written = fields.scalar("verify")?;
    match VerifyMode::parse(if written == "false" { "off" } else { &written }) {
        Ok(mode) => Some(mode),
        Err(error) => {
            fields.report("verify", &error);
            None
        }
    }
}

/// Who approved an entry; what cannot be read approves nothing, and is an error.
pub(super) fn approved(fields: &mut Fields<'_>) -> Option<EntryApproval> {
    let written = fields.value("approved");
    if written.is_null() {
        return None;
    }
    let read = serde_json::from_value::<EntryApproval>(written)
        .map_err(|cause| Error::new(ErrorKind::InvalidConfig, cause.to_string()));
    let checked = read.and_then(|approval| {
        if approval.by.trim().is_empty() {
            return Err(Error::new(ErrorKind::InvalidConfig, "`by` is empty"));
        }
        if parse_rfc3339(&approval.at).is_none() {
            return Err(Error::new(ErrorKind::InvalidConfig, format!("`{}` is not a time", approval.at))
                .with_hint("write such as `2026-05-04T10:00:00Z`"));
        }
        Ok(approval)
    });
    checked.map_err(|error| fields.report("approved", &error)).ok()
}
