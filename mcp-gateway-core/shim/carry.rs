//! Carries what connects to the gateway and back, in one process without threads.

use crate::names;
use crate::sys::{self, Fd, Got, PollFd};
use crate::text::Text;
use crate::{LISTENERS, Listener, Listeners};

/// How many connections are carried at a time; what comes beyond that waits.
const CONNECTIONS: usize = 256;

/// How much of each direction waits for its reader.
const ROOM: usize = 8 * 1024;

/// One direction of a connection.
struct Way {
    bytes: [u8; ROOM],
    start: usize,
    end: usize,
    /// Nothing more comes.
    ended: bool,
    /// That was told.
    told: bool,
}

/// A connection of the server and the one to the gateway. Unused ones are all zeros, which take no room in the program.
struct Pair {
    used: bool,
    server: Fd,
    gateway: Fd,
    out: Way,
    back: Way,
}

const EMPTY: Way = Way { bytes: [0; ROOM], start: 0, end: 0, ended: false, told: false };
const UNUSED: Pair = Pair { used: false, server: 0, gateway: 0, out: EMPTY, back: EMPTY };
const NOTHING: PollFd = PollFd::new(0, 0);
const IGNORED: PollFd = PollFd::new(-1, 0);

static mut PAIRS: [Pair; CONNECTIONS] = [UNUSED; CONNECTIONS];
static mut POLLED: [PollFd; LISTENERS + 2 * CONNECTIONS] = [NOTHING; LISTENERS + 2 * CONNECTIONS];

/// Carries for as long as the container runs.
pub(crate) fn run(socket: Text, listeners: &Listeners) -> ! {
    // SAFETY: this process has one thread, and this function is called once in it.
    let (pairs, polled) = unsafe { (&mut *(&raw mut PAIRS), &mut *(&raw mut POLLED)) };
    let all = &listeners.all[..listeners.count];
    loop {
        let full = pairs.iter().all(|pair| pair.used);
        for (at, listener) in all.iter().enumerate() {
            polled[at] = if full { IGNORED } else { PollFd::new(listener.fd, sys::READABLE) };
        }
        for (at, pair) in pairs.iter().enumerate() {
            let place = all.len() + 2 * at;
            polled[place] = pair.wish(pair.server, &pair.out, &pair.back);
            polled[place + 1] = pair.wish(pair.gateway, &pair.back, &pair.out);
        }
        sys::poll(&mut polled[..all.len() + 2 * CONNECTIONS]);
        for (at, pair) in pairs.iter_mut().enumerate() {
            let place = all.len() + 2 * at;
            if polled[place].happened() || polled[place + 1].happened() {
                pair.go_on();
            }
        }
        for (at, listener) in all.iter().enumerate() {
            if !polled[at].happened() {
                continue;
            }
            let Some(free) = pairs.iter_mut().find(|pair| !pair.used) else { break };
            if listener.names {
                if let Some(unlisted) = names::answer(listener, listeners) {
                    tell(socket, &unlisted.name[..unlisted.length]);
                }
            } else {
                free.begin(socket, listener);
            }
        }
    }
}

/// Tells the gateway that a name was asked for.
fn tell(socket: Text, name: &[u8]) {
    let Some(gateway) = sys::connect(socket.bytes()) else { return };
    let _ = sys::send(gateway, names::WORD);
    let _ = sys::send(gateway, b" ");
    let _ = sys::send(gateway, name);
    let _ = sys::send(gateway, b"\n");
    sys::close(gateway);
}

impl Pair {
    /// Takes a connection and opens the one to the gateway; without that, the server's is closed.
    fn begin(&mut self, socket: Text, listener: &Listener) {
        let Some(server) = sys::accept(listener.fd) else { return };
        let Some(gateway) = sys::connect(socket.bytes()) else { return sys::close(server) };
        (self.used, self.server, self.gateway) = (true, server, gateway);
        for way in [&mut self.out, &mut self.back] {
            (way.start, way.end, way.ended, way.told) = (0, 0, false, false);
        }
        let word = listener.word.bytes();
        let length = word.len().min(ROOM - 1);
        self.out.bytes[..length].copy_from_slice(&word[..length]);
        self.out.bytes[length] = b'\n';
        self.out.end = length + 1;
        self.go_on();
    }

    /// What is waited for at one end: `from` begins there, `to` ends there.
    fn wish(&self, fd: Fd, from: &Way, to: &Way) -> PollFd {
        let read = if from.ended || from.end == ROOM { 0 } else { sys::READABLE };
        let write = if to.start < to.end { sys::WRITABLE } else { 0 };
        // An end that nothing is wanted of would report its hang-up for ever.
        if !self.used || read | write == 0 { IGNORED } else { PollFd::new(fd, read | write) }
    }

    /// Moves what can be moved.
    fn go_on(&mut self) {
        let (server, gateway) = (self.server, self.gateway);
        let fine = self.out.go_on(server, gateway) && self.back.go_on(gateway, server);
        if !fine || (self.out.told && self.back.told) {
            sys::close(server);
            sys::close(gateway);
            self.used = false;
        }
    }
}

impl Way {
    /// Moves what can be moved; says whether both ends are well.
    fn go_on(&mut self, from: Fd, to: Fd) -> bool {
        if !self.ended && self.end < ROOM {
            match sys::read(from, &mut self.bytes[self.end..]) {
                Got::Bytes(count) => self.end += count,
                Got::End => self.ended = true,
                Got::Nothing => {}
                Got::Failure => return false,
            }
        }
        if self.start < self.end {
            match sys::send(to, &self.bytes[self.start..self.end]) {
                Got::Bytes(count) => self.start += count,
                Got::End | Got::Nothing => {}
                Got::Failure => return false,
            }
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.ended && !self.told {
                sys::end(to);
                self.told = true;
            }
        }
        true
    }
}
