//! The name in the first message of a TLS connection.

/// The most of a first message that is read; those with keys for after quantum computers have some 2 KiB.
pub(super) const MAX_HELLO: usize = 16 * 1024;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
const RECORD_HEAD: usize = 5;
const MESSAGE_HEAD: usize = 4;
const VERSION_AND_RANDOM: usize = 34;

/// What the first bytes of a TLS connection say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// Not enough yet.
    More,
    /// The name that the client asks for, if any.
    Name(Option<String>),
    /// What no client of TLS sends.
    Broken,
}

/// Whether bytes can begin a TLS connection.
pub(super) fn is_tls(bytes: &[u8]) -> bool {
    bytes.first() == Some(&HANDSHAKE) && bytes.get(1).is_none_or(|major| *major == 3)
}

/// Reads the name that a client of TLS asks for.
pub(super) fn read(bytes: &[u8]) -> Hello {
    let mut message = Vec::new();
    let mut records = bytes;
    // The message may be cut into several records.
    while let [kind, 3, _, high, low, rest @ ..] = records {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind != HANDSHAKE || length == 0 || message.len() + length > MAX_HELLO {
            return Hello::Broken;
        }
        message.extend_from_slice(&rest[..length.min(rest.len())]);
        if let Some(hello) = complete(&message) {
            return hello;
        }
        if rest.len() < length {
            return Hello::More;
        }
        records = &rest[length..];
    }
    if records.len() < RECORD_HEAD && (records.is_empty() || is_tls(records)) { Hello::More } else { Hello::Broken }
}

/// Reads a message once it is whole.
fn complete(message: &[u8]) -> Option<Hello> {
    if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
        return Some(Hello::Broken);
    }
    let head = message.get(..MESSAGE_HEAD)?;
    let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
    if length > MAX_HELLO {
        return Some(Hello::Broken);
    }
    let body = message.get(MESSAGE_HEAD..MESSAGE_HEAD + length)?;
    Some(server_name(body).map_or(Hello::Broken, Hello::Name))
}

/// The name in the body of a message; the outer `None` for one that cannot be read.
fn server_name(body: &[u8]) -> Option<Option<String>> {
    let mut body = Bytes(body.get(VERSION_AND_RANDOM..)?);
    body.sized(1)?;
    body.sized(2)?;
    body.sized(1)?;
    if body.0.is_empty() {
        return Some(None);
    }
    let mut extensions = Bytes(body.sized(2)?);
    if !body.0.is_empty() {
        return None;
    }
    let mut found = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number()?;
        let content = extensions.sized(2)?;
        if kind != SERVER_NAME {
            continue;
        }
        let mut list = Bytes(content);
        let mut names = Bytes(list.sized(2)?);
        let (kind, rest) = names.0.split_first()?;
        names.0 = rest;
        let name = names.sized(2)?;
        // One extension with one name, or the two ends might not mean the same.
        if found.is_some() || *kind != HOST_NAME || !names.0.is_empty() || !list.0.is_empty() {
            return None;
        }
        found = Some(std::str::from_utf8(name).ok()?.to_owned());
    }
    Some(found)
}

/// Bytes that are read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// What follows its own length, which has one byte or two.
    fn sized(&mut self, width: usize) -> Option<&'a [u8]> {
        let length = self.take(width)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        self.take(length)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A first message that asks for a name.
    pub(crate) fn hello(name: Option<&str>) -> Vec<u8> {
        let sized = |content: &[u8]| [&u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat();
        let mut extensions = [&[0, 43][..], &sized(&[2, 3, 4])].concat();
        if let Some(name) = name {
            let list = sized(&[&[HOST_NAME][..], &sized(name.as_bytes())].concat());
            extensions.extend([&[0, 0][..], &sized(&list)].concat());
        }
        let body = [&[3, 3][..], &[7; 32], &[0], &sized(&[0x13, 1]), &[1, 0], &sized(&extensions)].concat();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let message = [&[CLIENT_HELLO][..], &length[1..], &body].concat();
        [&[HANDSHAKE, 3, 1][..], &sized(&message)].concat()
    }

    #[test]
    fn the_name_is_read_however_the_bytes_come() {
        let whole = hello(Some("api.test"));
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Hello::More, "{end}");
        }
        assert_eq!(read(&whole), Hello::Name(Some("api.test".to_owned())));
        assert_eq!(read(&[&whole[..], b"more"].concat()), Hello::Name(Some("api.test".to_owned())));
        assert_eq!(read(&hello(None)), Hello::Name(None));
        // In records of one byte each.
        let message = &whole[RECORD_HEAD..];
        let cut: Vec<u8> = message.iter().flat_map(|byte| [HANDSHAKE, 3, 1, 0, 1, *byte]).collect();
        assert_eq!(read(&cut), Hello::Name(Some("api.test".to_owned())));
    }

    #[test]
    fn what_no_client_sends_is_broken() {
        let whole = hello(Some("api.test"));
        let changed = |at: usize, value: u8| {
            let mut bytes = whole.clone();
            bytes[at] = value;
            read(&bytes)
        };
        assert_eq!(changed(0, 23), Hello::Broken);
        assert_eq!(changed(1, 2), Hello::Broken);
        assert_eq!(changed(5, 2), Hello::Broken);
        assert_eq!(changed(6, 1), Hello::Broken);
        // Two names, in one list or in two extensions.
        let twice = hello(Some("api.test\0\0\u{1}a"));
        assert_eq!(read(&twice), Hello::Name(Some("api.test\0\0\u{1}a".to_owned())));
        assert_eq!(read(b"\x16\x03\x01\x00\x00"), Hello::Broken);
        assert_eq!(read(&[HANDSHAKE, 3, 1, 0xff, 0xff]), Hello::Broken);
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                // Whatever it says: it says something, and nothing breaks.
                let _ = changed(at, value);
            }
        }
    }
}
