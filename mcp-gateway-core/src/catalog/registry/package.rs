//! Packages of a `server.json` as what runs: images as containers, npm and PyPI packages as processes or in base images.

use super::document::{Argument, Input, KeyValue, Package, Transport};
use super::draft::{Draft, unusable};
use super::images::PackageImages;
use crate::error::Result;
use crate::model::{ImageReference, ProcessEntry, ProcessPackage, ServerEntry};

/// The registries of packages, which the operator's own settings may replace; a publisher's word may not.
const NPM: &str = "https://registry.npmjs.org";
const PYPI: &str = "https://pypi.org";
/// Options of `docker run` that change nothing here: how it is attached, named and removed is the gateway's business.
const IDLE_OF_DOCKER: [&str; 9] = ["-i", "--interactive", "-t", "--tty", "-it", "--rm", "--init", "--name", "--pull"];
/// Options of runners of packages that change nothing here.
const IDLE_OF_RUNNERS: [&str; 6] = ["-y", "--yes", "-q", "--quiet", "--isolated", "--no-progress"];

/// Fills an entry with what a package needs.
///
/// # Errors
/// `Unsupported` with the reason why the package cannot be run here.
pub(super) fn package(
    package: &Package,
    images: &PackageImages,
    draft: &mut Draft,
    entry: &mut ServerEntry,
) -> Result<String> {
    if package.file_sha256.is_some() && package.registry_type != "mcpb" {
        return Err(unusable("it asks for a check of its file's SHA-256, which is not made for such packages"));
    }
    match package.registry_type.as_str() {
        "oci" | "docker" => image(package, draft, entry),
        "npm" => {
            let process = process(package, draft, NPM, "@", ProcessPackage::Npm)?;
            let shown = process.package.to_string();
            images.place(process, draft, entry).map(|()| shown)
        }
        "pypi" => {
            let process = process(package, draft, PYPI, "==", ProcessPackage::Pypi)?;
            let shown = process.package.to_string();
            images.place(process, draft, entry).map(|()| shown)
        }
        kind @ ("nuget" | "mcpb") => Err(unusable(format!("packages of `{kind}` are not run here"))),
        other => Err(unusable(format!("packages of `{}` are not known", other.escape_debug()))),
    }
}

fn image(package: &Package, draft: &mut Draft, entry: &mut ServerEntry) -> Result<String> {
    let reference = reference(package)?;
    entry.http = endpoint(package.transport.as_ref())?;
    for variable in &package.environment_variables {
        draft.variable(variable)?;
    }
    for argument in &package.runtime_arguments {
        option_of_docker(argument, draft)?;
    }
    entry.command = arguments(&package.package_arguments, draft, true)?;
    let shown = format!("oci:{reference}");
    entry.image = Some(reference.to_string());
    Ok(shown)
}

/// The image by its tag or digest: one that names neither could be any.
fn reference(package: &Package) -> Result<ImageReference> {
    let base = package.registry_base_url.as_deref().map(|base| {
        let host = base.strip_prefix("https://").unwrap_or(base).trim_end_matches('/');
        if matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io") { "" } else { host }
    });
    let mut text = package.identifier.clone();
    if let Some(base) = base.filter(|base| !base.is_empty() && !text.starts_with(&format!("{base}/"))) {
        text = format!("{base}/{text}");
    }
    let mut reference = ImageReference::parse(&text).map_err(|error| unusable(error.message().to_owned()))?;
    if reference.tag().is_none() && reference.digest().is_none() {
        let version = package.version.as_deref().unwrap_or_default();
        if version.is_empty() {
            return Err(unusable(format!("image `{reference}` has neither a tag nor a digest")));
        }
        let joint = if version.starts_with("sha256:") { '@' } else { ':' };
        reference = ImageReference::parse(&format!("{reference}{joint}{version}"))
            .map_err(|error| unusable(error.message().to_owned()))?;
    }
    Ok(reference)
}

/// Port and path of a server that listens in its container; `None` speaks stdio.
fn endpoint(transport: Option<&Transport>) -> Result<Option<String>> {
    let Some(transport) = transport else { return Ok(None) };
    match transport.kind.as_str() {
        "stdio" => return Ok(None),
        "streamable-http" => {}
        other => return Err(unusable(format!("transport `{}` of a package is not spoken", other.escape_debug()))),
    }
    if transport.headers.iter().any(|header| header.input.is_required) {
        return Err(unusable("it needs headers, which a server in a container is not sent"));
    }
    let url = transport.url.as_deref().unwrap_or_default();
    let own = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"];
    let rest = own.iter().find_map(|host| url.strip_prefix("http://")?.strip_prefix(host)?.strip_prefix(':'));
    let (port, path) = rest.map_or(("", ""), |rest| rest.split_once('/').unwrap_or((rest, "mcp")));
    let is_path = path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~'));
    match port.parse::<u16>() {
        Ok(port) if port > 0 && is_path => Ok(Some(format!("{port}/{path}"))),
        _ => Err(unusable(format!("`{}` is not a fixed port and path of its own", url.escape_debug()))),
    }
}

/// An option of `docker run`. Variables are taken over; what would shape the container is the operator's alone.
fn option_of_docker(argument: &Argument, draft: &mut Draft) -> Result<()> {
    let shown = shown(argument);
    let option = shown.split(['=', ' ']).next().unwrap_or_default();
    if matches!(option, "-e" | "--env") {
        return variable_of_docker(argument, draft)
            .map_err(|error| unusable(format!("runtime argument `{}`: {}", shown.escape_debug(), error.message())));
    }
    if IDLE_OF_DOCKER.contains(&option) {
        return Ok(());
    }
    if argument.input.is_required {
        return Err(unusable(format!(
            "it needs the runtime argument `{}`, and what a container gets beside its arguments and environment is for \
             the operator to say",
            shown.escape_debug()
        )));
    }
    draft.note(format!("runtime argument `{}` is left out", shown.escape_debug()));
    Ok(())
}

/// `-e NAME=value`, where the value may hold variables.
fn variable_of_docker(argument: &Argument, draft: &mut Draft) -> Result<()> {
    let value = argument.input.value.as_deref().unwrap_or_default();
    let (name, value) = value.split_once('=').ok_or_else(|| unusable("it is not `NAME=value`"))?;
    let input = Input { value: Some(value.to_owned()), ..argument.input.clone() };
    draft.variable(&KeyValue { name: name.to_owned(), input })
}

fn process(
    package: &Package,
    draft: &mut Draft,
    registry: &str,
    joint: &str,
    kind: fn(String) -> ProcessPackage,
) -> Result<ProcessEntry> {
    if let Some(base) = package.registry_base_url.as_deref()
        && base.trim_end_matches('/') != registry
    {
        return Err(unusable(format!("it is to be fetched from `{}`", base.escape_debug())));
    }
    if package.transport.as_ref().is_some_and(|transport| transport.kind != "stdio") {
        return Err(unusable("it listens on a port, and processes are spoken to by their standard input only"));
    }
    let version = package.version.as_deref().unwrap_or_default();
    if !is_package(&package.identifier) || !is_version(version) {
        return Err(unusable(format!(
            "`{}` in version `{}` is not one package",
            package.identifier.escape_debug(),
            version.escape_debug()
        )));
    }
    for argument in &package.runtime_arguments {
        option_of_runner(argument, draft)?;
    }
    for variable in &package.environment_variables {
        draft.variable(variable)?;
    }
    let mut process = ProcessEntry::new(kind(format!("{}{joint}{version}", package.identifier)));
    process.args = arguments(&package.package_arguments, draft, false)?;
    process.read = draft.read_paths();
    Ok(process)
}

fn option_of_runner(argument: &Argument, draft: &mut Draft) -> Result<()> {
    let shown = shown(argument);
    let option = shown.split(['=', ' ']).next().unwrap_or_default();
    if IDLE_OF_RUNNERS.contains(&option) {
        return Ok(());
    }
    // Another program of the package, another package or another registry: nothing that could be left out.
    let decides = ["-p", "-c", "--package", "--call", "--from", "--with", "--spec", "--registry"].contains(&option)
        || option.contains("index");
    if argument.input.is_required || decides || !option.starts_with('-') {
        return Err(unusable(format!("it needs the runtime argument `{}`", shown.escape_debug())));
    }
    draft.note(format!("runtime argument `{}` is left out", shown.escape_debug()));
    Ok(())
}

/// An argument as its publisher wrote it.
fn shown(argument: &Argument) -> String {
    let value = argument.input.value.as_deref().or(argument.value_hint.as_deref());
    let text = match (argument.name.as_deref(), value) {
        (Some(name), Some(value)) => format!("{name}={value}"),
        (Some(name), None) => name.to_owned(),
        (None, value) => value.unwrap_or_default().to_owned(),
    };
    text.chars().take(200).collect()
}

/// The words for the package's own program.
fn arguments(arguments: &[Argument], draft: &mut Draft, may_have_secrets: bool) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        let fallback = format!("argument-{}", index + 1);
        let hint = argument.value_hint.as_deref();
        let name = argument.name.as_deref().or(hint).unwrap_or(&fallback);
        let is_given = argument.input.value.is_none();
        let has_secret = argument.input.is_secret && is_given
            || argument.input.variables.values().any(|variable| variable.is_secret && variable.value.is_none());
        if has_secret && !(may_have_secrets && argument.input.is_required) {
            if argument.input.is_required {
                return Err(unusable(format!("argument `{name}` is a secret, which others on the machine could read")));
            }
            draft.note(format!("argument `{name}` is left out: it is a secret that need not be set"));
            continue;
        }
        match argument.kind.as_str() {
            "positional" => {
                let text = draft.text(name, &argument.input)?;
                words.push(if text.is_input && argument.is_repeated { piped(&text.text, "into") } else { text.text });
            }
            "named" => words.extend(named(argument, name, draft)?),
            other => return Err(unusable(format!("arguments of type `{}` are not known", other.escape_debug()))),
        }
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

fn named(argument: &Argument, name: &str, draft: &mut Draft) -> Result<Vec<String>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if argument.name.is_none() || !name.chars().all(allowed) {
        return Err(unusable(format!("`{}` is not the name of an option", name.escape_debug())));
    }
    let input = &argument.input;
    let is_flag = input.value.is_none()
        && input.default.is_none()
        && input.format.is_none()
        && input.placeholder.is_none()
        && input.choices.is_empty()
        && argument.value_hint.is_none()
        && !input.is_required
        && !input.is_secret;
    if is_flag {
        return Ok(vec![name.to_owned()]);
    }
    let text = draft.text(name, input)?;
    Ok(match text.is_input && !text.has_secret {
        // Without a value, the option is not there either.
        true => vec![piped(&text.text, &format!("named:{name}"))],
        false => vec![name.to_owned(), text.text],
    })
}

/// A text that is one expression, with a function behind it.
fn piped(expression: &str, function: &str) -> String {
    format!("{}|{function}}}}}", expression.trim_end_matches('}'))
}

fn is_package(name: &str) -> bool {
    let plain = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, own)| plain(scope) && plain(own)),
        None => plain(name),
    }
}

/// Whether it is one version, not a range of them or a word for whichever is the newest.
fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_' | '!'))
        && !text.split(['.', '-', '+']).any(|part| part.eq_ignore_ascii_case("x"))
}
