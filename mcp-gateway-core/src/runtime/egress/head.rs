//! The head of a request of HTTP/1.

/// The most of a head that is read.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// The longest method that is taken for one.
const MAX_METHOD: usize = 24;

/// What the first bytes of a connection are, seen as HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// The beginning of what may be a request.
    More,
    /// A request.
    Head(Head<'a>),
    /// The beginning of a request that cannot be read in one way only.
    Broken(&'static str),
    /// Something else.
    Other,
}

/// The head of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) headers: Vec<(&'a str, &'a str)>,
    /// How many bytes it has.
    pub(super) length: usize,
}

impl<'a> Head<'a> {
    /// The values of a header.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// Reads the head of a request.
pub(super) fn parse(bytes: &[u8]) -> Parsed<'_> {
    // Servers pass over empty lines before a request, so these hide nothing.
    let skipped = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let rest = &bytes[skipped..];
    let method = rest.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-').count();
    if method > MAX_METHOD || (rest.get(method).is_some_and(|byte| *byte != b' ') || (method == 0 && !rest.is_empty()))
    {
        return Parsed::Other;
    }
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return Parsed::More };
    let is_request = std::str::from_utf8(&rest[..end]).is_ok_and(|line| line.trim_end().contains(" HTTP/"));
    if !is_request {
        return Parsed::Other;
    }
    let Some(length) = end_of_head(rest) else { return Parsed::More };
    let Ok(text) = std::str::from_utf8(&rest[..length]) else {
        return Parsed::Broken("the request's head is not text");
    };
    match lines(text) {
        Ok((method, target, headers)) => Parsed::Head(Head { method, target, headers, length: skipped + length }),
        Err(why) => Parsed::Broken(why),
    }
}

/// Where the empty line after a head ends.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        let end = start + bytes[start..].iter().position(|byte| *byte == b'\n')?;
        if matches!(&bytes[start..end], b"" | b"\r") {
            return Some(end + 1);
        }
        start = end + 1;
    }
}

type Lines<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>);

fn lines(text: &str) -> Result<Lines<'_>, &'static str> {
    let mut lines =
        text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).take_while(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let [method, target, version] = first.split(' ').collect::<Vec<_>>()[..] else {
        return Err("the request's first line is not `method target version`");
    };
    if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        // Version 2 without TLS has its hosts in frames, which are not looked into.
        return Err("the request is of another version of HTTP than 1.0 and 1.1");
    }
    if target.is_empty() || target.chars().any(char::is_control) {
        return Err("the request's target cannot be read");
    }
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("a header of the request has no colon")?;
        // A space before the colon or the line is read in different ways by different servers.
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("the name of a header of the request cannot be read");
        }
        if value.contains(|c: char| c.is_control() && c != '\t') {
            return Err("the value of a header of the request cannot be read");
        }
        headers.push((name, value.trim()));
    }
    Ok((method, target, headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_however_the_bytes_come() {
        let whole = b"\r\nGET /a HTTP/1.1\r\nHost: api.test\r\nX-Y:  z \r\n\r\nbody";
        for end in 0..whole.len() - 4 {
            assert_eq!(parse(&whole[..end]), Parsed::More, "{end}");
        }
        let Parsed::Head(head) = parse(whole) else { panic!() };
        assert_eq!((head.method, head.target, head.length), ("GET", "/a", whole.len() - 4));
        assert_eq!(head.headers, [("Host", "api.test"), ("X-Y", "z")]);
        assert_eq!(head.values("host").collect::<Vec<_>>(), ["api.test"]);
        assert!(matches!(parse(b"GET / HTTP/1.0\n\n"), Parsed::Head(_)));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_broken() {
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\rHost: b\r\n\r\n",
            b"GET  / HTTP/1.1\r\n\r\n",
            b"GET / x HTTP/1.1\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: \xff\r\n\r\n",
        ] {
            assert!(matches!(parse(bytes), Parsed::Broken(_)), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn other_protocols_are_told_at_once() {
        for bytes in [
            &b"AMQP\0\0\x09\x01"[..],
            b"\0\0\0\x08",
            b"SSH-2.0-x\r\n",
            b"*1\r\n$4\r\nPING\r\n",
            b"PING\r\n",
            b"EHLO a\r\n",
        ] {
            assert_eq!(parse(bytes), Parsed::Other, "{bytes:?}");
        }
    }
}
