//! The one table from failures of the HTTP library to errors.

use std::error::Error as StdError;

use url::Url;

use super::host;
use crate::error::{Error, ErrorKind};

/// What a failed request or a broken answer means; the address itself stays out, it may hold secrets.
pub(super) fn from_reqwest(cause: reqwest::Error, url: &Url) -> Error {
    let cause = cause.without_url();
    if let Some(refused) = find::<Error>(&cause) {
        return refused.clone();
    }
    let (kind, message) = if cause.is_dns() {
        (ErrorKind::Network, "name of the server cannot be resolved")
    } else if cause.is_connect() {
        (ErrorKind::Network, "cannot connect to the server")
    } else if cause.is_timeout() {
        (ErrorKind::Timeout, "server did not answer in time")
    } else {
        (ErrorKind::Network, "connection to the server broke")
    };
    let reason = innermost(&cause);
    let error = Error::new(kind, message).with_context("host", host(url)).with_context("reason", &reason);
    let error = match find::<rustls::Error>(&cause) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            error.with_hint("if the certificate is issued by an authority of your own, name it in `SSL_CERT_FILE`")
        }
        _ => error,
    };
    error.with_source(cause)
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // An I/O error hides the error that it carries from its own chain.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| find(inner)) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
