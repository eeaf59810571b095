//! What several targets need.

#[allow(dead_code, reason = "not every target reads JSON")]
pub(crate) mod tree;

/// Cuts bytes into chunks of changing lengths; `pattern` chooses them.
#[allow(dead_code, reason = "not every target reads a stream")]
pub(crate) fn chunks(bytes: &[u8], mut pattern: u8) -> Vec<&[u8]> {
    let (mut rest, mut chunks) = (bytes, Vec::new());
    while !rest.is_empty() {
        let length = usize::from(pattern & 7);
        let (chunk, behind) = rest.split_at(length.clamp(1, rest.len()));
        chunks.push(chunk);
        rest = behind;
        pattern = pattern.rotate_left(1);
    }
    chunks
}
