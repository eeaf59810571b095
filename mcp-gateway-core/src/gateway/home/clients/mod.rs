#![doc = include_str!("docs.md")]

mod entry;
mod known;
mod lines;
mod places;
mod record;
mod status;
mod text;

use std::path::{Path, PathBuf};

use self::entry::Start;
use self::known::{KNOWN, Kept, Known};
use self::record::Record;
use self::text::Slot;
use super::{DEFAULT_PROFILE, HOME_VARIABLE, Home};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::util::pattern::did_you_mean;
use crate::util::replace;

pub use places::{Places, System};
pub use status::{ClientChange, ClientOptions, ClientScope, ClientStatus};

/// The name under which the gateway stands in a client's configuration.
const NAME: &str = "mcp-gateway";

/// The clients of a user.
#[derive(Clone, Debug)]
pub struct Clients {
    home: Home,
    /// Whether clients have to be told which home is meant.
    is_elsewhere: bool,
    places: Places,
}

impl Home {
    /// The clients of this process's user, to be connected with gateways of this home.
    ///
    /// # Errors
    /// `InvalidConfig` when the user's home folder is not known.
    pub fn clients(&self) -> Result<Clients> {
        Ok(self.clients_at(Places::locate()?))
    }

    /// The clients whose configuration is in these places.
    pub fn clients_at(&self, places: Places) -> Clients {
        let is_elsewhere = places.resolve("~/.mcp-gateway").as_deref() != Some(self.root());
        Clients { home: self.clone(), is_elsewhere, places }
    }
}

impl Clients {
    /// Every client that is known: the user's own configuration, and with a folder that project's.
    ///
    /// A file that cannot be read is a `problem` of its client and hides no other.
    pub fn list(&self, folder: Option<&Path>) -> Vec<ClientStatus> {
        let users = KNOWN.iter().filter_map(|known| {
            Some(self.status(known, ClientScope::User, self.places.first(known.files)?, known.user))
        });
        let projects = KNOWN.iter().filter_map(|known| {
            let (file, kept) = known.project?;
            Some(self.status(known, ClientScope::Project, folder?.join(file), kept))
        });
        users.chain(projects).collect()
    }

    /// Writes the gateway into a client's configuration; everything else in the file stays, byte for byte.
    ///
    /// # Behavior
    /// - An entry of the gateway's own under the name is replaced; where it is right already, nothing is written.
    /// - What is written is the program's path and the profile, never a secret.
    ///
    /// # Errors
    /// `NotFound` for a client that is not known, is not installed or has no configuration in this scope, and for a profile
    /// that is not there; `AlreadyExists` for an entry of somebody else's; `InvalidConfig` with the place where the file is
    /// broken; `Unsupported` where more would have to change; `Conflict` when the file changes meanwhile; `Io`.
    pub async fn connect(&self, client: &str, options: ClientOptions) -> Result<ClientChange> {
        let profile = match &options.profile {
            Some(profile) => profile.clone(),
            None => ProfileName::new(DEFAULT_PROFILE)?,
        };
        self.home.profile_or_empty(&profile).await?;
        let (clients, client) = (self.clone(), client.to_owned());
        blocking(move || clients.connect_to(&client, &profile, &options)).await
    }

    /// Takes the gateway out of a client's configuration; after nothing but a connection, the file is as it was before.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); a client that is not connected is none.
    pub async fn disconnect(&self, client: &str, options: ClientOptions) -> Result<ClientChange> {
        let (clients, client) = (self.clone(), client.to_owned());
        blocking(move || clients.disconnect_from(&client, &options)).await
    }

    fn connect_to(&self, client: &str, profile: &ProfileName, options: &ClientOptions) -> Result<ClientChange> {
        let target = self.target(client, options)?;
        let is_installed = self.places.has_any(target.known.signs);
        if options.scope == ClientScope::User && !is_installed && !options.force {
            return Err(Error::new(ErrorKind::NotFound, format!("{} seems not to be installed", target.known.title))
                .with_context("file", target.path.display())
                .with_hint("give `--force` to write its configuration all the same"));
        }
        let wanted = target.kept.shape.entry(&target.name, &self.start(profile, options)?);
        let before = replace::read(&target.path)?;
        let slot = target.slot();
        let text = match &before {
            Some(text) => text.clone(),
            None => self.beginning(&target, options.scope)?,
        };
        let found = slot.servers(&text)?.into_iter().find(|(name, _)| *name == target.name).map(|(_, entry)| entry);
        if found.as_ref() == Some(&wanted.to_json()) {
            return Ok(target.unchanged());
        }
        let mut record = Record::open(&self.record())?;
        refuse_foreign(found.as_ref(), &text, &record, &target, options.force)?;
        let made = match &found {
            Some(_) => record.find(&target.path, &target.name).is_some_and(|(_, made)| made),
            None => before.is_none(),
        };
        let mut clean = if found.is_some() { cleaned(&record, &target, &text)? } else { text.clone() };
        // Nobody else has written anything: the file is made anew.
        let is_whole = made && (before.is_none() || clean.is_empty());
        if is_whole {
            clean = self.beginning(&target, options.scope)?;
        }
        let (after, inserted) = slot.insert(&clean, &wanted)?;
        let inserted = if is_whole { after.clone() } else { inserted };
        let mut change = target.change(before.as_deref().unwrap_or_default(), &after, target.known.then);
        // First what goes, where an entry is replaced.
        if before.is_some() {
            change.diff = lines::diff(&text, &clean) + &lines::diff(&clean, &after);
        }
        if !options.dry_run {
            change.backup = back_up(&target.path, options, before.is_some())?;
            // Kept first: a record of what is not there is harmless, the contrary is not.
            record.set(&target.path, &target.name, Some((inserted, made)))?;
            replace::replace(&target.path, before.as_deref(), Some(&after))?;
        }
        Ok(change)
    }

    fn disconnect_from(&self, client: &str, options: &ClientOptions) -> Result<ClientChange> {
        let target = self.target(client, options)?;
        let Some(before) = replace::read(&target.path)? else { return Ok(target.unchanged()) };
        let found = target.slot().servers(&before)?.into_iter().find(|(name, _)| *name == target.name);
        let Some((_, found)) = found else { return Ok(target.unchanged()) };
        let mut record = Record::open(&self.record())?;
        refuse_foreign(Some(&found), &before, &record, &target, options.force)?;
        let after = cleaned(&record, &target, &before)?;
        let mut change = target.change(&before, &after, "");
        if !options.dry_run {
            change.backup = back_up(&target.path, options, true)?;
            let made = record.find(&target.path, &target.name).is_some_and(|(_, made)| made);
            replace::replace(&target.path, Some(&before), (!made || !after.is_empty()).then_some(after.as_str()))?;
            record.set(&target.path, &target.name, None)?;
        }
        Ok(change)
    }

    /// What a file that is not there yet begins with.
    fn beginning(&self, target: &Target, scope: ClientScope) -> Result<String> {
        let Some((text, older)) = target.known.begins.filter(|_| scope == ClientScope::User) else {
            return Ok(String::new());
        };
        if self.places.has_any(&[older]) {
            let message =
                format!("{} reads an older file here, which the new one would put out of use", target.known.title);
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_context("file", older)
                .with_context("new", &target.file)
                .with_hint("let it move its configuration to the new file, and run the command again"));
        }
        Ok(text.to_owned())
    }

    fn record(&self) -> PathBuf {
        self.home.root().join("clients.json")
    }

    fn status(&self, known: &Known, scope: ClientScope, path: PathBuf, kept: Kept) -> ClientStatus {
        let file = path.display().to_string();
        let slot = Slot { form: kept.form, file: &file, key: kept.key, name: NAME };
        let read = replace::read(&path).and_then(|text| slot.servers(&text.unwrap_or_default()));
        let (servers, problem) = match read {
            Ok(servers) => (servers, None),
            Err(error) => (Vec::new(), Some(error.report())),
        };
        let own = servers.into_iter().filter(|(_, found)| entry::is_own(found));
        let own = own.max_by_key(|(name, _)| name == NAME);
        ClientStatus {
            client: known.name.to_owned(),
            title: known.title.to_owned(),
            scope,
            installed: self.places.has_any(known.signs),
            connected: own.is_some(),
            profile: own.as_ref().map(|(_, found)| entry::profile(found).unwrap_or_else(|| DEFAULT_PROFILE.to_owned())),
            program: own.as_ref().and_then(|(_, found)| entry::command(found)).map(|(program, _)| program),
            name: own.map(|(name, _)| name),
            problem,
            path,
        }
    }

    fn target(&self, client: &str, options: &ClientOptions) -> Result<Target> {
        let known = KNOWN.iter().find(|known| known.name == client).ok_or_else(|| {
            let error = Error::new(ErrorKind::NotFound, format!("client `{client}` is not known"));
            match did_you_mean(client, KNOWN.iter().map(|known| known.name)) {
                Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                None => error.with_hint("run `mcp-gateway client ls` to see which are"),
            }
        })?;
        let name = options.name.clone().unwrap_or_else(|| NAME.to_owned());
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_allowed) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{name}` is not a name that every client takes"))
                .with_hint("use letters, digits, `-` and `_`, at most 64"));
        }
        let (path, kept) = match options.scope {
            ClientScope::User => (self.places.first(known.files), known.user),
            ClientScope::Project => {
                let Some((file, kept)) = known.project else {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        format!("{} has no configuration of projects", known.title),
                    )
                    .with_hint("leave `--scope project` away to write the user's own"));
                };
                let folder = options.folder.as_deref().unwrap_or(Path::new("."));
                let folder =
                    std::path::absolute(folder).map_err(|cause| crate::util::fs::io_error("find", folder, cause))?;
                (Some(folder.join(file)), kept)
            }
        };
        let path = path.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("{} keeps no configuration on this system", known.title))
        })?;
        Ok(Target { known, kept, file: path.display().to_string(), path, name })
    }

    fn start(&self, profile: &ProfileName, options: &ClientOptions) -> Result<Start> {
        let program = match &options.program {
            Some(program) => {
                std::path::absolute(program).map_err(|cause| crate::util::fs::io_error("find", program, cause))?
            }
            None => own_program()?,
        };
        let arguments = ["gateway", "run", "--profile", profile.as_str()].map(str::to_owned).to_vec();
        // A client starts programs without the variables of a person's shell.
        let root = self.is_elsewhere.then(|| (HOME_VARIABLE.to_owned(), self.home.root().display().to_string()));
        Ok(Start { program: program.display().to_string(), arguments, variables: root.into_iter().collect() })
    }
}

/// A place in a client's configuration.
struct Target {
    known: &'static Known,
    kept: Kept,
    path: PathBuf,
    file: String,
    name: String,
}

impl Target {
    fn slot(&self) -> Slot<'_> {
        Slot { form: self.kept.form, file: &self.file, key: self.kept.key, name: &self.name }
    }

    fn unchanged(&self) -> ClientChange {
        self.change("", "", "")
    }

    fn change(&self, before: &str, after: &str, next: &str) -> ClientChange {
        ClientChange {
            client: self.known.name.to_owned(),
            title: self.known.title.to_owned(),
            path: self.path.clone(),
            name: self.name.clone(),
            changed: before != after,
            diff: lines::diff(before, after),
            backup: None,
            next: next.to_owned(),
        }
    }
}

/// The file without the gateway: with exactly what was put in taken out, else without the entry.
fn cleaned(record: &Record, target: &Target, text: &str) -> Result<String> {
    let found = record.find(&target.path, &target.name);
    if found == Some((text, true)) {
        return Ok(String::new());
    }
    match found.map(|(written, _)| written).and_then(|written| target.slot().take_back(text, written)) {
        Some(before) => Ok(before),
        None => target.slot().remove(text),
    }
}

/// Refuses an entry that neither starts the gateway nor stands in the text as it was put in.
fn refuse_foreign(
    found: Option<&serde_json::Value>,
    text: &str,
    record: &Record,
    target: &Target,
    force: bool,
) -> Result<()> {
    let is_written = || record.find(&target.path, &target.name).is_some_and(|(written, _)| text.contains(written));
    if force || found.is_none_or(entry::is_own) || is_written() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::AlreadyExists, format!("`{}` is something else in this file", target.name))
        .with_context("file", &target.file)
        .with_hint("give another name with `--name`, or `--force` to replace or remove what is there"))
}

fn back_up(path: &Path, options: &ClientOptions, is_there: bool) -> Result<Option<PathBuf>> {
    if options.backup && is_there { replace::back_up(path).map(Some) } else { Ok(None) }
}

/// This program, if it is the command line.
fn own_program() -> Result<PathBuf> {
    let program = std::env::current_exe()
        .map_err(|cause| Error::new(ErrorKind::Io, "cannot find this program").with_source(cause))?;
    let program = if program.is_symlink() { crate::util::fs::canonicalize(&program)? } else { program };
    if program.file_stem().is_some_and(|stem| stem == NAME) {
        return Ok(program);
    }
    Err(Error::new(ErrorKind::InvalidInput, "this process is not the program that a client can start")
        .with_context("program", program.display())
        .with_hint("name the path of `mcp-gateway`, on the command line by `--program`"))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| Error::new(ErrorKind::Internal, "file work failed").with_source(cause))?
}

#[cfg(test)]
mod tests;
