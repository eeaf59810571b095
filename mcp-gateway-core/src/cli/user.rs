//! Who types.

/// The name of this process's user, as the system has it and not as a variable says; its number where it has no name.
#[cfg(unix)]
pub(crate) fn name() -> String {
    let number = rustix::process::getuid().as_raw().to_string();
    let users = crate::util::fs::read_to_string(std::path::Path::new("/etc/passwd")).unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number && !name.is_empty()).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("uid {number}"))
}

/// The name of this process's user.
#[cfg(not(unix))]
pub(crate) fn name() -> String {
    crate::util::env_vars::get("USERNAME").unwrap_or_else(|| "unknown".to_owned())
}
