//! Answers for names: those that are listed have their address here, all others are not there.

use crate::sys;
use crate::{Listener, Listeners};

/// The word of the listener that answers.
pub(crate) const WORD: &[u8] = b"names";

/// The longest question that is read.
const LONGEST: usize = 512;
const HEAD: usize = 12;
const LONGEST_NAME: usize = 255;
const ADDRESS: [u8; 4] = [0, 1, 0, 1];
const ABSENT: u8 = 3;

/// A name that was asked for and is not listed.
pub(crate) struct Unlisted {
    pub(crate) name: [u8; LONGEST_NAME],
    pub(crate) length: usize,
}

/// Answers one question; gives the name when it is not listed.
pub(crate) fn answer(listener: &Listener, listeners: &Listeners) -> Option<Unlisted> {
    let mut packet = [0_u8; LONGEST];
    let (length, from) = sys::receive(listener.fd, &mut packet)?;
    // A question, alone: no answers, no other kind of request.
    if length < HEAD + 5 || packet[2] & 0xf8 != 0 || packet[4..6] != [0, 1] {
        return None;
    }
    let mut asked = Unlisted { name: [0; LONGEST_NAME], length: 0 };
    let mut at = HEAD;
    while packet[at] != 0 {
        let label = packet.get(at + 1..at + 1 + usize::from(packet[at]))?;
        if packet[at] > 63 || asked.length + label.len() + 1 >= LONGEST_NAME || at + label.len() + 6 > length {
            return None;
        }
        if asked.length > 0 {
            asked.name[asked.length] = b'.';
            asked.length += 1;
        }
        for byte in label {
            // What is handed on is one line and a name.
            let kept = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            asked.name[asked.length] = if kept { byte.to_ascii_lowercase() } else { b'?' };
            asked.length += 1;
        }
        at += 1 + label.len();
    }
    let end = at + 5;
    let kind = packet.get(at + 1..end)?;
    let is_address = kind == ADDRESS;
    let address = listeners.address_of(&asked.name[..asked.length]);
    // An answer to the question, recursion offered, nothing else in it.
    packet[2] = 0x80 | (packet[2] & 1);
    packet[3] = 0x80 | if address.is_none() { ABSENT } else { 0 };
    packet[6..HEAD].fill(0);
    let mut total = end;
    if let Some(address) = address.filter(|_| is_address) {
        packet[7] = 1;
        // The name of the question, an address, for a minute.
        let record = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, address[0], address[1], address[2], address[3]];
        let room = packet.get_mut(end..end + record.len())?;
        room.copy_from_slice(&record);
        total += record.len();
    }
    sys::send_to(listener.fd, &packet[..total], &from);
    (address.is_none() && asked.length > 0).then_some(asked)
}

impl Listeners {
    fn address_of(&self, name: &[u8]) -> Option<[u8; 4]> {
        self.all[..self.count].iter().find_map(|listener| {
            let word = listener.word.bytes();
            let colon = word.iter().rposition(|byte| *byte == b':')?;
            word[..colon].eq_ignore_ascii_case(name).then_some(listener.address)
        })
    }
}
