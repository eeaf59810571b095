//! `profile edit`: a person's own editor on a draft that replaces the profile only when it is right.

use std::path::Path;
use std::process::Stdio;

use crate::cli::{Env, assemble, report};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::util::{env_vars, fs, random};

/// The editor of last resort.
const EDITOR: &str = "vi";

/// Edits a profile.
///
/// # Errors
/// `InvalidConfig` when the draft is broken, `Conflict` when the profile changed meanwhile; the draft is then kept.
pub(super) async fn run(env: &Env, name: &ProfileName) -> Result<()> {
    let store = assemble::profiles(env);
    let before = store.export(name).await?;
    let draft = env.home.drafts().join(format!("{name}.{}.yaml", random::hex(4)?));
    fs::write_atomic(&draft, before.as_bytes())?;
    let edited = edit(&draft).await.and_then(|()| fs::read_to_string(&draft));
    let edited = match edited {
        Ok(text) if text != before => text,
        Ok(_) => {
            report::note("nothing was changed");
            return fs::remove_file(&draft);
        }
        Err(error) => return Err(kept(error, &draft)),
    };
    store.replace(name, &before, &edited).await.map_err(|error| kept(error, &draft))?;
    report::note(format_args!("changed profile `{name}`"));
    fs::remove_file(&draft)
}

fn kept(error: Error, draft: &Path) -> Error {
    error.with_hint(format!("the profile is as it was; your draft is kept in {}", draft.display()))
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
