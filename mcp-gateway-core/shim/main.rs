//! The program that stands at the entry of a container whose server may reach listed hosts.
//!
//! ```text
//! shim SOCKET ADDRESS:PORT=WORD... -- PROGRAM ARGUMENT...
//! ```
//!
//! It listens on each address of the container's own loopback, leaves a process behind that carries what connects there
//! to the gateway's socket, and then *becomes* the program: the server has the process number, the standard streams and
//! the exit code that it would have without. Each connection to the gateway begins with its word and a line end.
//!
//! It decides nothing: it runs where the server runs, so the gateway believes nothing that it says. It is made without
//! a standard library and without one of C, so that it runs in every image and is built by every Rust compiler.
#![no_std]
#![no_main]
#![deny(unsafe_op_in_unsafe_fn)]

mod carry;
mod names;
mod sys;
mod text;

use sys::Fd;
use text::Text;

/// How many listeners there can be; the gateway bounds its lists below that.
pub(crate) const LISTENERS: usize = 320;

/// Exit codes as shells have them.
const CANNOT_LISTEN: i32 = 125;
const CANNOT_RUN: i32 = 126;
const NOT_FOUND: i32 = 127;

/// What ends the listeners on a command line.
const END: &[u8] = b"--";

/// A place that is listened on.
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    pub(crate) fd: Fd,
    pub(crate) address: [u8; 4],
    /// What the gateway is told of what connects there.
    pub(crate) word: Text,
    /// Whether it answers questions for names, by UDP.
    pub(crate) names: bool,
}

/// The places that are listened on.
pub(crate) struct Listeners {
    pub(crate) all: [Listener; LISTENERS],
    pub(crate) count: usize,
}

static mut ALL: Listeners =
    Listeners { all: [Listener { fd: 0, address: [0; 4], word: Text::EMPTY, names: false }; LISTENERS], count: 0 };

/// Where the kernel enters, with the stack as it was laid out: count, arguments, zero, environment, zero.
///
/// # Safety
/// `stack` is what the kernel handed to the program.
#[unsafe(no_mangle)]
unsafe extern "C" fn enter(stack: *const usize) -> ! {
    // SAFETY: the layout is the kernel's; each argument ends with a zero byte and lives as long as the process.
    unsafe {
        let count = *stack;
        let args = stack.add(1).cast::<*const u8>();
        let env = args.add(count + 1);
        let arg = |at: usize| Text::of(*args.add(at));
        if count < 4 {
            fail(CANNOT_LISTEN, "usage: shim SOCKET ADDRESS:PORT=WORD... -- PROGRAM ARGUMENT...", Text::EMPTY);
        }
        let listeners = &mut *(&raw mut ALL);
        let mut at = 2;
        while at < count && arg(at).bytes() != END {
            listeners.open(arg(at));
            at += 1;
        }
        if at + 1 >= count {
            fail(NOT_FOUND, "no program is given", Text::EMPTY);
        }
        leave_behind(arg(1), listeners);
        run(arg(at + 1), args.add(at + 1), env)
    }
}

impl Listeners {
    /// Listens on `address:port=word`.
    fn open(&mut self, place: Text) {
        let wrong = || -> ! { fail(CANNOT_LISTEN, "cannot listen on", place) };
        let Some((address, port, word)) = place.place() else { wrong() };
        let names = word.bytes() == names::WORD;
        let Some(fd) = sys::listen(address, port, names) else { wrong() };
        match self.all.get_mut(self.count) {
            Some(free) => *free = Listener { fd, address, word, names },
            None => wrong(),
        }
        self.count += 1;
    }
}

/// Starts the process that carries; nobody here waits for it, and it ends with the container.
fn leave_behind(socket: Text, listeners: &Listeners) {
    let Some(child) = sys::fork() else { fail(CANNOT_LISTEN, "cannot start a process", Text::EMPTY) };
    if child != 0 {
        sys::wait(child);
        return;
    }
    // Once more, so that the program has no child that it does not know of.
    if sys::fork() != Some(0) {
        sys::exit(0);
    }
    sys::detach();
    carry::run(socket, listeners)
}

/// Becomes the program, found as a shell finds it.
///
/// # Safety
/// `args` and `env` end with a zero pointer.
unsafe fn run(program: Text, args: *const *const u8, env: *const *const u8) -> ! {
    const PATH: &[u8] = b"PATH=";
    const USUAL: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let mut refused = false;
    if program.bytes().contains(&b'/') {
        // SAFETY: the caller's promise.
        refused = unsafe { sys::execute(program.pointer(), args, env) } != sys::ABSENT;
    } else {
        let mut path = USUAL;
        let mut at = env;
        // SAFETY: the environment ends with a zero pointer.
        unsafe {
            while !(*at).is_null() {
                if let Some(rest) = Text::of(*at).bytes().strip_prefix(PATH) {
                    path = rest;
                }
                at = at.add(1);
            }
        }
        for folder in path.split(|byte| *byte == b':') {
            let mut whole = [0_u8; 4096];
            if text::join(folder, program.bytes(), &mut whole) {
                // SAFETY: the text ends with a zero byte; the rest is the caller's promise.
                refused |= unsafe { sys::execute(whole.as_ptr(), args, env) } != sys::ABSENT;
            }
        }
    }
    if refused {
        fail(CANNOT_RUN, "program cannot be run", program)
    }
    fail(NOT_FOUND, "there is no program", program)
}

/// Says what is wrong and ends.
fn fail(code: i32, message: &str, what: Text) -> ! {
    for part in ["mcp-gateway: ".as_bytes(), message.as_bytes(), b" ", what.bytes(), b"\n"] {
        sys::complain(part);
    }
    sys::exit(code)
}

#[panic_handler]
fn broken(_: &core::panic::PanicInfo<'_>) -> ! {
    sys::exit(CANNOT_RUN)
}
