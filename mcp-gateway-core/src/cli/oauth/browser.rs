//! The browser of the person at this machine.

use std::process::Stdio;

use crate::util::env_vars;

/// Opens an address; says whether there was something to open it with.
pub(super) fn open(url: &str) -> bool {
    // The address came from another server; it must be one, and no option of a program.
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return false;
    }
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else if ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env_vars::get(name).is_some()) {
        ("xdg-open", &[])
    } else {
        return false;
    };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}
