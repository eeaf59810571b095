//! `profile edit`: a person's own editor on a draft that replaces the profile only when it is right.

use std::path::Path;
use std::process::Stdio;

use crate::cli::{Env, report};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::profile::{FileProfile, Profile as _};
use crate::util::fs::FileLock;
use crate::util::{env_vars, fs, random};

/// The editor of last resort.
const EDITOR: &str = "vi";

/// Edits a profile.
///
/// # Errors
/// `InvalidConfig` when the draft is broken, `Conflict` when the profile changed meanwhile; the draft is then kept.
pub(super) async fn run(env: &Env, name: &ProfileName) -> Result<()> {
    let path = env.home.profiles().open(name).await?.path().to_owned();
    let before = fs::read_to_string(&path)?;
    let draft = env.home.drafts().join(format!("{name}.{}.yaml", random::hex(4)?));
    fs::write_atomic(&draft, before.as_bytes())?;
    // A profile that is broken may be edited, too.
    let known = FileProfile::open(&path).await.ok();
    let known = match &known {
        Some(profile) => profile.spec().await.ok(),
        None => None,
    };
    match take(name, &path, &before, &draft).await {
        Ok(true) => {
            let after = FileProfile::open(&path).await?.spec().await?;
            env.home.record_change(known.as_ref(), Some(&after)).await?;
            report::note(format_args!("changed profile `{name}`"));
        }
        Ok(false) => report::note("nothing was changed"),
        Err(error) => {
            let kept = format!("the profile is as it was; your draft is kept in {}", draft.display());
            return Err(error.with_hint(kept));
        }
    }
    fs::remove_file(&draft)
}

/// Lets a person edit the draft and takes it over when it is right; the text itself, so that comments stay.
async fn take(name: &ProfileName, path: &Path, before: &str, draft: &Path) -> Result<bool> {
    edit(draft).await?;
    let edited = fs::read_to_string(draft)?;
    if edited == before {
        return Ok(false);
    }
    let spec = FileProfile::open(draft).await?.spec().await?;
    if spec.name != *name {
        return Err(Error::new(ErrorKind::InvalidConfig, format!("the draft says `name: {}`", spec.name))
            .with_hint("a profile keeps its name; export and import it to make another one"));
    }
    // The same lock that every other writer of the profile takes.
    let _held = FileLock::acquire(path)?;
    if fs::read_to_string(path)? != before {
        return Err(Error::new(ErrorKind::Conflict, format!("profile `{name}` was changed meanwhile"))
            .with_hint("run `mcp-gateway profile edit` again and bring both changes together"));
    }
    fs::write_atomic(path, edited.as_bytes())?;
    Ok(true)
}

/// Runs the editor on a file, by its words and without a shell.
async fn edit(file: &Path) -> Result<()> {
    let line = env_vars::get("VISUAL").or_else(|| env_vars::get("EDITOR")).unwrap_or_else(|| EDITOR.to_owned());
    let words = shell_words::split(&line).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, format!("the editor `{line}` is not a command line")).with_source(cause)
    })?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(Error::new(ErrorKind::InvalidInput, "no editor is named").with_hint("set `EDITOR`"));
    };
    let status = tokio::process::Command::new(program)
        .args(arguments)
        .arg(file)
        .stdin(Stdio::inherit())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|cause| {
            Error::new(ErrorKind::NotFound, format!("cannot run the editor `{program}`"))
                .with_source(cause)
                .with_hint("set `EDITOR` to the editor that you like")
        })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, format!("the editor ended with {status}, so nothing was changed")))
}
