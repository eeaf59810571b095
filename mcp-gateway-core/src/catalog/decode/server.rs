//! One server's entry.

use crate::catalog::decode::fields::Fields;
use crate::catalog::decode::part;
use crate::catalog::diagnostic::suggestion;
use crate::catalog::template;
use crate::model::{ImageReference, ServerEntry, ServerKind, ServerName};

/// Keys that only describe a server; they are kept, and this version does nothing with them.
const DESCRIBED: [&str; 8] = ["about", "dateAdded", "dynamic", "prompts", "ref", "source", "toolCount", "toolsUrl"];

/// Keys that only a server's entry has, for telling a server file from a catalog.
pub(super) const TELLING: [&str; 5] = ["type", "image", "remote", "sseEndpoint", "process"];

/// Reads the entry of a server that goes by `name`. Problems are reported; with errors among them the entry is void.
pub(super) fn server(mut fields: Fields<'_>, name: ServerName) -> ServerEntry {
    let mut entry = ServerEntry::new(name, ServerKind::Server);
    check_own_name(&mut fields, &entry.name);
    check_own_source(&mut fields);
    let written = kind(&mut fields);
    entry.title = fields.text("title");
    entry.description = fields.text("description");
    entry.image = fields.text("image");
    entry.command = fields.texts("command");
    entry.volumes = fields.texts("volumes");
    entry.user = fields.scalar("user");
    entry.env = part::env(&mut fields);
    entry.secrets = part::secrets(&mut fields);
    entry.config = part::config(&mut fields);
    entry.allow_hosts = fields.texts("allowHosts");
    entry.disable_network = fields.flag("disableNetwork").unwrap_or_default();
    entry.extra_hosts = fields.texts("extraHosts");
    entry.long_lived = fields.flag("longLived").unwrap_or_default();
    entry.remote = part::remote(&mut fields);
    entry.sse_endpoint = fields.text("sseEndpoint");
    entry.oauth = part::oauth(&mut fields);
    entry.tools = part::tools(&mut fields);
    entry.prefix = fields.text("prefix");
    entry.metadata = part::metadata(&mut fields);
    entry.policy = fields.value("policy");
    entry.resources = part::resources(&mut fields);
    entry.process = part::process(&mut fields);
    entry.http = part::http(&mut fields);
    entry.signer = part::signer(&mut fields);
    entry.verify = part::verify(&mut fields);
    entry.approved = part::approved(&mut fields);
    entry.icon = fields.text("icon");
    entry.readme = fields.text("readme");
    entry.upstream = fields.text("upstream");
    let kind = if fields.has("type") { written } else { inferred(&fields, &entry) };
    if let Some(kind) = kind {
        entry.kind = kind;
        check_kind(&fields, &entry);
    }
    check_image(&fields, entry.image.as_deref());
    check_templates(&fields, &entry);
    entry.extra = fields.rest(&DESCRIBED);
    entry
}

/// A `name` inside an entry that goes by another one would mislead.
fn check_own_name(fields: &mut Fields<'_>, name: &ServerName) {
    if let Some(own) = fields.text("name")
        && own != name.as_str()
    {
        let message = format!("`name: {own}` has no effect: the entry goes by `{name}`");
        fields.problems().warn(fields.at(), message, None);
    }
}

/// Where an entry comes from is known by whoever reads it; what the entry says of that counts for nothing.
fn check_own_source(fields: &mut Fields<'_>) {
    if let Some(node) = fields.node("catalog") {
        let message = format!("`{}` has no effect: it is what the catalog is registered as", fields.path("catalog"));
        fields.problems().warn(node.at, message, None);
    }
}

fn kind(fields: &mut Fields<'_>) -> Option<ServerKind> {
    let node = fields.node("type")?;
    let written = fields.text("type")?;
    let kind = match written.as_str() {
        "server" => ServerKind::Server,
        "remote" => ServerKind::Remote,
        "poci" => ServerKind::Poci,
        _ => {
            let hint = suggestion(&written, ["server", "remote", "poci"]);
            let message = format!("`{}` must be `server`, `remote` or `poci`, not `{written}`", fields.path("type"));
            fields.problems().error(node.at, message, hint);
            return None;
        }
    };
    Some(kind)
}

/// What an entry without a `type` can only be.
fn inferred(fields: &Fields<'_>, entry: &ServerEntry) -> Option<ServerKind> {
    // A part that is there and broken was reported already; it still says what was meant.
    let kind = if fields.has("image") || fields.has("process") {
        ServerKind::Server
    } else if fields.has("remote") || fields.has("sseEndpoint") {
        ServerKind::Remote
    } else if entry.tools.iter().any(|tool| tool.container.is_some()) {
        ServerKind::Poci
    } else {
        fields.missing("type");
        return None;
    };
    let word = match kind {
        ServerKind::Remote => "remote",
        ServerKind::Poci => "poci",
        ServerKind::Server => "server",
    };
    let message = format!("missing `{}`, taken as `{word}`", fields.path("type"));
    fields.problems().warn(fields.at(), message, Some(format!("write `type: {word}`")));
    Some(kind)
}

/// What a server of its kind cannot be without.
fn check_kind(fields: &Fields<'_>, entry: &ServerEntry) {
    let missing = match entry.kind {
        ServerKind::Server => (!fields.has("image") && !fields.has("process")).then_some("image"),
        ServerKind::Remote => (!fields.has("remote") && !fields.has("sseEndpoint")).then_some("remote"),
        ServerKind::Poci => (!fields.has("tools")).then_some("tools"),
    };
    if let Some(key) = missing {
        fields.missing(key);
    }
    if entry.kind == ServerKind::Poci {
        // Docker's public catalog has such tools by name only, for people who look for them.
        for (index, tool) in entry.tools.iter().enumerate().filter(|(_, tool)| tool.container.is_none()) {
            let message =
                format!("`{}` has no `container`: `{}` cannot run", fields.path(&format!("tools[{index}]")), tool.name);
            fields.problems().warn(fields.place("tools"), message, None);
        }
    }
}

fn check_image(fields: &Fields<'_>, image: Option<&str>) {
    if let Some(image) = image
        && let Err(error) = ImageReference::parse(image)
    {
        fields.report("image", &error);
    }
}

/// Expressions that could never be expanded are found before anyone starts the server; the others need not wait for it.
fn check_templates(fields: &Fields<'_>, entry: &ServerEntry) {
    let values = entry.env.iter().filter_map(|variable| variable.value.as_ref()).map(|value| ("env", value));
    let headers = entry.remote.iter().flat_map(|remote| remote.headers.values()).map(|value| ("remote", value));
    let containers = entry.tools.iter().filter_map(|tool| tool.container.as_ref());
    let runs = containers.flat_map(|container| container.command.iter().chain(&container.volumes));
    let texts = entry.command.iter().map(|text| ("command", text));
    let texts = texts.chain(entry.volumes.iter().map(|text| ("volumes", text)));
    let texts = texts.chain(entry.user.iter().map(|text| ("user", text)));
    let texts = texts.chain(values).chain(headers).chain(runs.map(|text| ("tools", text)));
    for (key, text) in texts {
        if let Err(error) = template::check(text) {
            let hint = error.hints().next().map(str::to_owned);
            fields.problems().warn(fields.place(key), format!("`{}`: {}", fields.path(key), error.message()), hint);
        }
    }
}
