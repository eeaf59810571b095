//! Catalog texts with the profile's values put in.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::hub::Body;
use super::launch::image;
use super::secret_hosts::secret_hosts;
use crate::catalog::template::{Scope, expand, expand_list, expand_secret, variables};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    ProfileName, RemoteTransport, SecretDelivery, SecretEntry, SecretValue, ServerEntry, ToolContainer,
};
use crate::profile::DeliverySpec;
use crate::runtime::{
    ContainerPlan, HeaderSecret, HttpEndpoint, LaunchPlan, LaunchTarget, Mount, MountSource, ProcessPlan, RemotePlan,
    SecretFile,
};
use crate::secrets::{self, FoundSecret, SecretBroker, SecretKey};
use crate::util::pattern::did_you_mean;
use crate::util::{env_vars, fs};

/// A server's catalog entry with its profile's configuration.
#[derive(Debug)]
pub(crate) struct Expansion<'a> {
    profile: &'a ProfileName,
    body: &'a Body,
    scope: Scope,
}

impl<'a> Expansion<'a> {
    pub(crate) fn of(profile: &'a ProfileName, body: &'a Body) -> Result<Self> {
        Ok(Self { profile, body, scope: Scope::new(config(body)) })
    }

    /// What a runtime of this name would start; without `declared`, texts that name secrets stay as they are written.
    pub(crate) fn target(&self, runtime: &str, declared: &Declared) -> Result<LaunchTarget> {
        match runtime {
            "docker" => self.container(declared).map(LaunchTarget::Container),
            "process" => self.process().map(LaunchTarget::Process),
            "remote" => self.remote(declared).map(LaunchTarget::Remote),
            "memory" => Ok(LaunchTarget::Memory(self.entry().name.to_string())),
            other => Err(Error::new(ErrorKind::Unsupported, format!("no plan can be made for runtime `{other}`"))),
        }
    }

    /// The secrets that the entry declares and a store holds.
    pub(crate) async fn declared(&self, broker: &dyn SecretBroker) -> Result<Declared> {
        self.check_delivery()?;
        let mut declared = Declared::default();
        for secret in &self.entry().secrets {
            if let Some(found) = self.secret(secret, broker).await? {
                let delivery = self.delivery(secret);
                declared.values.push(DeclaredValue { variable: secret.env.clone(), value: found.value, delivery });
                let (key, store) = (found.key, found.store);
                declared.uses.push(SecretUse { name: secret.name.clone(), key, store, delivery });
            }
        }
        Ok(declared)
    }

    /// How the server is given a secret: the profile's word counts before the catalog's.
    pub(crate) fn delivery(&self, secret: &SecretEntry) -> SecretDelivery {
        let own = self.body.spec.delivery.as_ref().and_then(|spec| spec.of(secret));
        own.or(secret.delivery).unwrap_or_default()
    }

    /// Refuses a word for a secret that the entry does not declare: the one that was meant would go on as it did.
    fn check_delivery(&self) -> Result<()> {
        let declared = || self.entry().secrets.iter().flat_map(|secret| [secret.env.as_str(), secret.name.as_str()]);
        let delivery = self.body.spec.delivery.iter().flat_map(DeliverySpec::names).map(|name| ("delivery", name));
        let hosts = self.body.spec.secret_hosts.keys().map(|name| ("secretHosts", name.as_str()));
        let mut written = delivery.chain(hosts);
        let Some((key, unknown)) = written.find(|(_, name)| !declared().any(|known| known == *name)) else {
            return Ok(());
        };
        let message = format!("`{key}` names `{unknown}`, which the catalog entry does not declare");
        let error = Error::new(ErrorKind::InvalidConfig, message)
            .with_context("profile", self.profile)
            .with_context("server", &self.entry().name);
        Err(match did_you_mean(unknown, declared()) {
            Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
            None => error.with_hint("write a secret that `server inspect` shows"),
        })
    }

    /// Puts environment and secrets into a plan.
    pub(crate) fn fill(&self, plan: &mut LaunchPlan, declared: &Declared) -> Result<()> {
        for variable in &self.entry().env {
            let Some(template) = &variable.value else { continue };
            check_env_name(&variable.name)?;
            let value = match declared.put_into(template, &self.scope)? {
                Some(secret) => {
                    plan.secrets.push(secret.clone());
                    secret
                }
                None => SecretValue::new(expand(template, &self.scope)?),
            };
            // An empty value would hide the server's own default.
            if !value.is_empty() {
                plan.env.push((variable.name.clone(), value));
            }
        }
        for DeclaredValue { variable, value, delivery } in &declared.values {
            plan.secrets.push(value.clone());
            // A secret without a variable of its own is for a header or an OAuth flow.
            if variable.is_empty() {
                continue;
            }
            plan.env.retain(|(other, _)| other != variable);
            plan.files.retain(|file| file.variable != *variable);
            match delivery {
                SecretDelivery::Env => plan.env.push((variable.clone(), value.clone())),
                // Its headers are the gateway's own.
                SecretDelivery::Header if matches!(plan.target, LaunchTarget::Remote(_)) => {}
                SecretDelivery::Header => {
                    let secret = HeaderSecret::new(value.clone(), self.hosts_of(variable)?)?;
                    plan.env.push((variable.clone(), SecretValue::new(secret.stand_in.as_str())));
                    plan.headers.push(secret);
                }
                SecretDelivery::File => {
                    let file = SecretFile::new(variable.as_str(), value.clone());
                    let path = file.path_variable();
                    plan.env.retain(|(other, _)| *other != path);
                    plan.files.push(file);
                }
            }
        }
        Ok(())
    }

    /// The hosts that the secret of a variable is for.
    fn hosts_of(&self, variable: &str) -> Result<Vec<String>> {
        match self.entry().secrets.iter().find(|secret| secret.env == variable) {
            Some(secret) => secret_hosts(self.body, secret),
            None => Ok(Vec::new()),
        }
    }

    /// Names of the environment variables that are no secrets.
    pub(crate) fn env_names(&self) -> Vec<String> {
        self.entry()
            .env
            .iter()
            .filter(|variable| variable.value.is_some())
            .map(|variable| variable.name.clone())
            .collect()
    }

    pub(crate) async fn secret(&self, secret: &SecretEntry, broker: &dyn SecretBroker) -> Result<Option<FoundSecret>> {
        if !secret.env.is_empty() {
            check_env_name(&secret.env)?;
        }
        match self.body.spec.secrets.get(&secret.env).or_else(|| self.body.spec.secrets.get(&secret.name)) {
            None => secrets::locate(broker, self.profile, &self.entry().name, secret).await,
            Some(key) => {
                let key = SecretKey::parse(key)?;
                match broker.find(&key).await?.filter(|found| !found.value.is_empty()) {
                    Some(found) => {
                        secrets::refuse_expired(broker, &key).await?;
                        Ok(Some(found))
                    }
                    None => Err(Error::new(ErrorKind::MissingSecret, format!("secret `{key}` is not set"))
                        .with_context("profile", self.profile)
                        .with_hint(format!(
                            "the profile keeps `{}` under this name; set it with `mcp-gateway secret set {key}`",
                            secret.name
                        ))),
                }
            }
        }
    }

    fn entry(&self) -> &'a ServerEntry {
        &self.body.entry
    }

    fn container(&self, declared: &Declared) -> Result<ContainerPlan> {
        let entry = self.entry();
        let text = entry.image.as_deref().ok_or_else(|| missing("image"))?;
        let mut plan = ContainerPlan::new(image(text)?);
        for template in &entry.command {
            match declared.put_into(template, &self.scope)? {
                Some(secret) => plan.command.push(secret.expose().to_owned()),
                None => plan.command.extend(expand_list(template, &self.scope)?),
            }
        }
        plan.user = self.user(entry.user.as_deref())?;
        plan.mounts = mounts(&self.texts(&entry.volumes)?)?;
        plan.extra_hosts = self.texts(&entry.extra_hosts)?;
        plan.http = entry.http.as_deref().map(endpoint).transpose()?;
        plan.writable = self.writable();
        Ok(plan)
    }

    fn process(&self) -> Result<ProcessPlan> {
        let process = self.entry().process.as_ref().ok_or_else(|| missing("process"))?;
        let mut plan = ProcessPlan::new(process.package.clone());
        plan.args = self.texts(&process.args)?;
        plan.read = self.texts(&process.read)?.iter().map(|path| host_path(path)).collect();
        let allowed = self.writable();
        for path in self.texts(&process.write)? {
            let path = host_path(&path);
            // A catalog may ask for a path to write to; only the operator can give it.
            if fs::canonicalize(&path).is_ok_and(|path| allowed.contains(&path)) {
                plan.write.push(path);
            } else {
                plan.read.push(path);
            }
        }
        Ok(plan)
    }

    fn remote(&self, declared: &Declared) -> Result<RemotePlan> {
        let mut plan = self.address()?;
        for (name, template) in self.entry().remote.iter().flat_map(|remote| &remote.headers) {
            if self.lacks_optional(template, declared)? {
                continue;
            }
            let value = expand_secret(template, &self.scope, &|name| declared.get(name))?;
            if !value.is_empty() {
                plan.headers.push((name.clone(), value));
            }
        }
        Ok(plan)
    }

    /// Whether a text names a secret that is not set and need not be: half a credential is not sent.
    fn lacks_optional(&self, template: &str, declared: &Declared) -> Result<bool> {
        let optional = |name: &str| {
            let mut secrets = self.entry().secrets.iter();
            secrets.any(|secret| secret.env == name && secret.required == Some(false))
        };
        Ok(variables(template)?.into_iter().any(|name| declared.get(name).is_none() && optional(name)))
    }

    /// Where a remote server is; its headers may hold secrets and are left out.
    pub(crate) fn address(&self) -> Result<RemotePlan> {
        let entry = self.entry();
        let (url, transport) = match (&entry.remote, &entry.sse_endpoint) {
            (Some(remote), _) => (remote.url.as_str(), remote.transport),
            (None, Some(url)) => (url.as_str(), RemoteTransport::Sse),
            (None, None) => return Err(missing("remote")),
        };
        let mut plan = RemotePlan::new(expand(url, &self.scope)?, transport);
        plan.allow_private = self.body.spec.allow_private;
        Ok(plan)
    }

    fn texts(&self, templates: &[String]) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        for template in templates {
            texts.extend(expand_list(template, &self.scope)?);
        }
        Ok(texts)
    }

    fn user(&self, template: Option<&str>) -> Result<Option<String>> {
        let Some(template) = template else { return Ok(None) };
        let user = expand(template, &self.scope)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        if user.starts_with('-') || !user.chars().all(allowed) {
            return Err(Error::new(ErrorKind::InvalidConfig, format!("`{user}` is not a user of a container")));
        }
        Ok(Some(user).filter(|user| !user.is_empty()))
    }

    /// The paths that the operator lets this server write to, resolved; one that is not there allows nothing.
    fn writable(&self) -> Vec<PathBuf> {
        self.body.spec.writable.iter().filter_map(|path| fs::canonicalize(&host_path(path)).ok()).collect()
    }
}

/// The secrets that a server declares, by their variables.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    values: Vec<DeclaredValue>,
    /// What they are called and where each was found.
    pub(crate) uses: Vec<SecretUse>,
}

/// A secret that a server is given.
#[derive(Debug)]
pub(crate) struct SecretUse {
    /// The catalog's name for it.
    pub(crate) name: String,
    pub(crate) key: SecretKey,
    /// The store that holds it.
    pub(crate) store: String,
    pub(crate) delivery: SecretDelivery,
}

/// A secret with how it gets to the server.
#[derive(Debug)]
struct DeclaredValue {
    variable: String,
    value: SecretValue,
    delivery: SecretDelivery,
}

impl Declared {
    fn get(&self, name: &str) -> Option<SecretValue> {
        self.find(name).map(|declared| declared.value.clone())
    }

    fn find(&self, name: &str) -> Option<&DeclaredValue> {
        self.values.iter().find(|declared| declared.variable == name)
    }

    /// The text with its secrets, if its author names any; only what stands in the catalog is looked at, never a value.
    fn put_into(&self, template: &str, scope: &Scope) -> Result<Option<SecretValue>> {
        let named: Vec<_> = variables(template)?.into_iter().filter_map(|name| self.find(name)).collect();
        if let Some(kept) = named.iter().find(|declared| declared.delivery != SecretDelivery::Env) {
            let message = format!(
                "the catalog entry puts `{}` into a text, which its `delivery` is to keep it out of",
                kept.variable
            );
            return Err(Error::new(ErrorKind::InvalidConfig, message).with_hint(
                "set `delivery: env` for it in the profile, or take it out of `env` and `command` in the catalog",
            ));
        }
        if named.is_empty() {
            return Ok(None);
        }
        expand_secret(template, scope, &|name| self.get(name)).map(Some)
    }
}

/// The container of one call of a tool; the arguments are put into its command.
pub(crate) fn tool_container(
    profile: &ProfileName,
    body: &Body,
    container: &ToolContainer,
    arguments: &Value,
) -> Result<ContainerPlan> {
    let mut values = config(body);
    for (name, value) in arguments.as_object().into_iter().flatten() {
        // Configuration is the operator's; an argument of the same name does not replace it.
        values.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let expansion = Expansion { profile, body, scope: Scope::new(values) };
    let mut plan = ContainerPlan::new(image(&container.image)?);
    plan.command = expansion.texts(&container.command)?;
    plan.user = expansion.user(container.user.as_deref())?;
    plan.mounts = mounts(&expansion.texts(&container.volumes)?)?;
    plan.writable = expansion.writable();
    Ok(plan)
}

/// The configuration by the names that templates use: the schema's defaults, then the profile's values.
fn config(body: &Body) -> Map<String, Value> {
    let mut all = Map::new();
    let names = body.entry.config.iter().map(|config| config.name.as_str()).chain([body.entry.name.as_str()]);
    for name in names {
        let mut values = Map::new();
        for config in body.entry.config.iter().filter(|config| config.name == name) {
            let properties = config.schema.get("properties").and_then(Value::as_object);
            for (key, schema) in properties.into_iter().flatten() {
                if let Some(default) = schema.get("default") {
                    values.insert(key.clone(), default.clone());
                }
            }
        }
        for (key, value) in &body.spec.config {
            values.insert(key.clone(), value.clone());
        }
        all.insert(name.to_owned(), Value::Object(values));
    }
    all
}

/// Reads volumes, `source:target[:mode]`.
fn mounts(volumes: &[String]) -> Result<Vec<Mount>> {
    // A source that is not configured is a mount that is not wanted.
    volumes.iter().filter(|volume| !volume.is_empty() && !volume.starts_with(':')).map(|volume| mount(volume)).collect()
}

fn mount(volume: &str) -> Result<Mount> {
    let wrong = |why: &str| {
        Error::new(ErrorKind::InvalidConfig, format!("volume `{volume}` {why}"))
            .with_hint("write `source:target` or `source:target:ro` in the catalog entry, with its configuration set")
    };
    let mut parts = volume.split(':');
    let (Some(source), Some(target), mode, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(wrong("is not `source:target[:mode]`"));
    };
    if !target.starts_with('/') {
        return Err(wrong("has no absolute target"));
    }
    let source = if source.starts_with(['/', '~', '.']) {
        MountSource::Bind(host_path(source))
    } else {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if !source.starts_with(|c: char| c.is_ascii_alphanumeric()) || !source.chars().all(allowed) {
            return Err(wrong("has a source that is neither a path nor a volume's name"));
        }
        MountSource::Volume(source.to_owned())
    };
    let mut mount = Mount::new(source, target);
    for word in mode.into_iter().flat_map(|mode| mode.split(',')) {
        match word {
            "ro" => mount.read_only = true,
            "rw" => mount.read_only = false,
            _ => return Err(wrong("has a mode that is neither `ro` nor `rw`")),
        }
    }
    Ok(mount)
}

fn host_path(text: &str) -> PathBuf {
    match (text.strip_prefix('~'), env_vars::get("HOME")) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => PathBuf::from(home + rest),
        _ => PathBuf::from(text),
    }
}

/// Reads `port/path`.
fn endpoint(text: &str) -> Result<HttpEndpoint> {
    let (port, path) = text.split_once('/').unwrap_or((text, "mcp"));
    let port = port.parse().map_err(|_| {
        Error::new(ErrorKind::InvalidConfig, format!("`http: {text}` has no port")).with_hint("write `http: 8080/mcp`")
    })?;
    Ok(HttpEndpoint::new(port, format!("/{path}")))
}

fn check_env_name(name: &str) -> Result<()> {
    let valid = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // These decide what code a server loads, which is the image's business and nobody else's.
    let loader = name.starts_with("LD_") || name == "PATH";
    if valid && !loader {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidConfig, format!("`{name}` is not a name for a server's environment variable")))
}

fn missing(field: &'static str) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("catalog entry has no `{field}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_read_and_options_are_refused() {
        let mounts = mounts(&["data:/x".to_owned(), "/srv/a:/b:ro".to_owned(), ":/not-configured".to_owned()]).unwrap();
        assert_eq!(mounts[0], Mount::new(MountSource::Volume("data".to_owned()), "/x"));
        assert!(mounts[1].read_only && mounts.len() == 2);
        for bad in ["-v:/x", "a", "a:b", "/a:/b:z", "a:/b:ro:x", "--privileged:/x"] {
            assert_eq!(mount(bad).unwrap_err().kind(), ErrorKind::InvalidConfig, "{bad}");
        }
    }

    #[test]
    fn variables_that_load_code_are_refused() {
        for bad in ["", "1A", "A-B", "LD_PRELOAD", "PATH", "A=B"] {
            assert!(check_env_name(bad).is_err(), "{bad}");
        }
        assert!(check_env_name("API_KEY").is_ok());
    }
}
