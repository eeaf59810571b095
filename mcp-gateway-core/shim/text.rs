//! Texts that end with a zero byte.

/// A text of the command line or the environment.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    start: *const u8,
    length: usize,
}

impl Text {
    pub(crate) const EMPTY: Self = Self { start: c"".as_ptr().cast(), length: 0 };

    /// The text at a pointer.
    ///
    /// # Safety
    /// The text ends with a zero byte and lives as long as the process.
    pub(crate) unsafe fn of(start: *const u8) -> Self {
        let mut length = 0;
        // SAFETY: not read beyond the zero byte.
        while unsafe { *start.add(length) } != 0 {
            length += 1;
        }
        Self { start, length }
    }

    pub(crate) fn bytes(self) -> &'static [u8] {
        // SAFETY: the promise of `of`.
        unsafe { core::slice::from_raw_parts(self.start, self.length) }
    }

    pub(crate) fn pointer(self) -> *const u8 {
        self.start
    }

    /// Takes `1.2.3.4:80=word` apart.
    pub(crate) fn place(self) -> Option<([u8; 4], u16, Self)> {
        let bytes = self.bytes();
        let equals = bytes.iter().position(|byte| *byte == b'=')?;
        let mut numbers = [0_u32; 5];
        let mut at = 0;
        for byte in &bytes[..equals] {
            match byte {
                b'0'..=b'9' => numbers[at] = (numbers[at] * 10 + u32::from(byte - b'0')).min(u32::from(u16::MAX) + 1),
                b'.' | b':' if at < 4 => at += 1,
                _ => return None,
            }
        }
        let part = |at: usize| u8::try_from(numbers[at]).ok();
        let address = [part(0)?, part(1)?, part(2)?, part(3)?];
        let word = Self { start: bytes[equals + 1..].as_ptr(), length: bytes.len() - equals - 1 };
        (at == 4).then_some((address, u16::try_from(numbers[4]).ok()?, word))
    }
}

/// Writes `folder/name` and a zero byte; says whether there was room.
pub(crate) fn join(folder: &[u8], name: &[u8], whole: &mut [u8]) -> bool {
    let length = folder.len() + 1 + name.len();
    if length >= whole.len() {
        return false;
    }
    whole[..folder.len()].copy_from_slice(folder);
    whole[folder.len()] = b'/';
    whole[folder.len() + 1..length].copy_from_slice(name);
    // An entry without a name is the working directory.
    if folder.is_empty() {
        whole[..name.len()].copy_from_slice(name);
        whole[name.len()] = 0;
        return true;
    }
    whole[length] = 0;
    true
}
