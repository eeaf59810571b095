//! Nothing but what was sealed opens, and only in time.
//!
//! Input: a key, a handle, two times, then edits of the sealed state (what, where, a byte) that are also tried as a state.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::gateway::fuzzing::{OpenedState, StateSeal};

const PREFIX: &str = "mcp-gateway.1.";

fuzz_target!(|input: &[u8]| {
    let Some((key, rest)) = input.split_first_chunk::<32>() else { return };
    let Some((handle, rest)) = rest.split_first_chunk::<16>() else { return };
    let Some((expires, rest)) = rest.split_first_chunk::<8>() else { return };
    let Some((now, edits)) = rest.split_first_chunk::<8>() else { return };
    let (expires, now) = (u64::from_be_bytes(*expires), u64::from_be_bytes(*now));

    let seal = StateSeal::new(*key);
    let sealed = seal.close(handle, expires);
    let in_time = if now < expires { OpenedState::Handle(*handle) } else { OpenedState::Invalid };
    assert_eq!(seal.open(&sealed, now), in_time);

    let mut other = *key;
    other[0] ^= 1;
    assert_eq!(StateSeal::new(other).open(&sealed, now), OpenedState::Invalid);

    let mut state = sealed.clone().into_bytes();
    for edit in edits.chunks_exact(3) {
        apply(&mut state, edit[0], usize::from(edit[1]), edit[2]);
        let text = String::from_utf8_lossy(&state);
        if text != sealed {
            refused(&seal, &text, now);
        }
    }
    refused(&seal, &String::from_utf8_lossy(edits), now);
    refused(&seal, &format!("{PREFIX}{}", String::from_utf8_lossy(edits)), now);
});

fn refused(seal: &StateSeal, text: &str, now: u64) {
    let expected = if text.starts_with(PREFIX) { OpenedState::Invalid } else { OpenedState::Foreign };
    assert_eq!(seal.open(text, now), expected, "{text:?}");
    assert_eq!(seal.open(text, 0), expected, "{text:?}");
}

fn apply(state: &mut Vec<u8>, what: u8, place: usize, byte: u8) {
    let at = if state.is_empty() { 0 } else { place % state.len() };
    match what % 6 {
        0 if !state.is_empty() => state[at] = byte,
        1 if !state.is_empty() => state[at] ^= 1 << (byte % 8),
        2 if !state.is_empty() => drop(state.remove(at)),
        3 => state.insert(at, byte),
        4 => state.truncate(at),
        5 => state.push(byte),
        _ => {}
    }
}
