//! From the name of a host to a connection: resolved here, looked at, pinned, dialled.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::net::TcpStream;

use super::hosts::Host;
use crate::util::address::{METADATA, not_public};

/// How long finding a host's addresses may take.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);
/// How long connecting to one address may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How many addresses of a host are tried.
const MAX_ADDRESSES: usize = 8;
/// How long a host keeps the addresses that were found for it.
const PINNED: Duration = Duration::from_secs(5 * 60);
/// How many hosts keep addresses at a time; only a wildcard stands for more.
const MAX_PINS: usize = 512;

/// Finds the addresses of names.
#[async_trait]
pub(crate) trait Resolve: fmt::Debug + Send + Sync + 'static {
    /// The addresses of a name.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Finds addresses as this machine does.
#[derive(Debug)]
pub(crate) struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Why a host was not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unreached {
    /// It must not be.
    Denied(&'static str),
    /// It could not be.
    Failed(String),
}

/// Dials for one server.
#[derive(Debug)]
pub(super) struct Dialer {
    resolver: Arc<dyn Resolve>,
    /// Whether addresses that are not of the public internet are allowed.
    private: bool,
    pins: Mutex<HashMap<String, Pin>>,
}

/// The addresses that a host has for this server.
#[derive(Clone, Debug)]
struct Pin {
    addresses: Vec<IpAddr>,
    until: Instant,
}

impl Dialer {
    pub(super) fn new(resolver: Arc<dyn Resolve>, private: bool) -> Self {
        Self { resolver, private, pins: Mutex::default() }
    }

    /// Connects to a host.
    pub(super) async fn dial(&self, host: &Host, port: u16) -> Result<TcpStream, Unreached> {
        let addresses = match host {
            Host::Address(address) => self.allowed(vec![*address])?,
            Host::Name(name) => self.found(name).await?,
        };
        let mut last = None;
        for address in addresses {
            match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect((address, port))).await {
                Ok(Ok(stream)) => {
                    // Small messages wait for nothing; a socket that cannot be told so works all the same.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(cause)) => last = Some(cause.to_string()),
                Err(_) => last = Some("no answer in time".to_owned()),
            }
        }
        if let Host::Name(name) = host {
            // The host may have moved.
            self.pins().remove(name);
        }
        Err(Unreached::Failed(last.unwrap_or_else(|| "host has no address".to_owned())))
    }

    /// The addresses of a name: those of before, while they hold.
    async fn found(&self, name: &str) -> Result<Vec<IpAddr>, Unreached> {
        let pinned = self.pins().get(name).filter(|pin| pin.until > Instant::now()).cloned();
        if let Some(pin) = pinned {
            return Ok(pin.addresses);
        }
        let found = tokio::time::timeout(RESOLVE_LIMIT, self.resolver.addresses(name))
            .await
            .map_err(|_| Unreached::Failed("its name was not resolved in time".to_owned()))?
            .map_err(|cause| Unreached::Failed(format!("its name cannot be resolved: {cause}")))?;
        let addresses = self.allowed(found)?;
        let mut pins = self.pins();
        if pins.len() >= MAX_PINS {
            let now = Instant::now();
            pins.retain(|_, pin| pin.until > now);
        }
        if pins.len() < MAX_PINS {
            let pin = Pin { addresses: addresses.clone(), until: Instant::now() + PINNED };
            pins.insert(name.to_owned(), pin);
        }
        Ok(addresses)
    }

    /// Keeps the addresses that may be dialled; a name with none left is denied.
    fn allowed(&self, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, Unreached> {
        let refused = |address: &IpAddr| not_public(*address).filter(|why| !self.private || *why == METADATA);
        let why = found.iter().find_map(refused);
        let allowed: Vec<_> =
            found.into_iter().filter(|address| refused(address).is_none()).take(MAX_ADDRESSES).collect();
        match why {
            Some(why) if allowed.is_empty() => Err(Unreached::Denied(why)),
            _ => Ok(allowed),
        }
    }

    fn pins(&self) -> std::sync::MutexGuard<'_, HashMap<String, Pin>> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Names;
    use super::*;

    #[tokio::test]
    async fn addresses_that_are_not_public_are_denied() {
        let names = Names::new(&[
            ("in.test", "10.0.0.1"),
            ("meta.test", "169.254.169.254"),
            ("mapped.test", "::ffff:127.0.0.1"),
            ("loop.test", "127.0.0.1"),
        ]);
        let (strict, free) = (Dialer::new(Arc::new(names.clone()), false), Dialer::new(Arc::new(names), true));
        for (host, why) in [
            ("in.test", "private address"),
            ("meta.test", METADATA),
            ("mapped.test", "loopback address"),
            ("127.0.0.1", "loopback address"),
            ("[::1]", "loopback address"),
        ] {
            let denied = strict.dial(&Host::parse(host).unwrap(), 9).await.unwrap_err();
            assert_eq!(denied, Unreached::Denied(why), "{host}");
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        free.dial(&Host::parse("loop.test").unwrap(), port).await.unwrap();
        let metadata = free.dial(&Host::parse("meta.test").unwrap(), port).await.unwrap_err();
        assert_eq!(metadata, Unreached::Denied(METADATA));
        let unknown = strict.dial(&Host::parse("no.test").unwrap(), port).await.unwrap_err();
        assert!(matches!(unknown, Unreached::Failed(why) if why.contains("resolved")));
    }

    #[tokio::test]
    async fn a_name_keeps_its_addresses_whatever_it_says_next() {
        let names = Names::new(&[("api.test", "1.1.1.1")]);
        let dialer = Dialer::new(Arc::new(names.clone()), false);
        assert_eq!(dialer.found("api.test").await.unwrap(), ["1.1.1.1".parse::<IpAddr>().unwrap()]);
        names.set("api.test", "10.0.0.1");
        assert_eq!(dialer.found("api.test").await.unwrap(), ["1.1.1.1".parse::<IpAddr>().unwrap()]);
        dialer.pins().clear();
        assert_eq!(dialer.found("api.test").await.unwrap_err(), Unreached::Denied("private address"));
    }
}
