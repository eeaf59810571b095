//! The calls to the kernel.

use core::arch::{asm, global_asm};

/// An open file.
pub(crate) type Fd = i32;

pub(crate) const READABLE: i16 = 1;
pub(crate) const WRITABLE: i16 = 4;

/// What a program that is not there is told by.
pub(crate) const ABSENT: isize = -2;

const AGAIN: isize = -11;
const INTERRUPTED: isize = -4;

const UNIX: usize = 1;
const INTERNET: usize = 2;
const STREAM: usize = 1;
const PACKETS: usize = 2;
/// Does not wait, and is closed when the program is run.
const FLAGS: usize = 0o4000 | 0o2_000_000;
const NO_SIGNAL: usize = 0x4000;
const BACKLOG: usize = 128;
const CHILD_SIGNAL: usize = 17;
const CURRENT_FOLDER: usize = -100_isize as usize;
const READ_WRITE: usize = 2;

#[cfg(target_arch = "x86_64")]
mod call {
    pub(super) const READ: usize = 0;
    pub(super) const WRITE: usize = 1;
    pub(super) const CLOSE: usize = 3;
    pub(super) const SOCKET: usize = 41;
    pub(super) const CONNECT: usize = 42;
    pub(super) const SENDTO: usize = 44;
    pub(super) const RECVFROM: usize = 45;
    pub(super) const SHUTDOWN: usize = 48;
    pub(super) const BIND: usize = 49;
    pub(super) const LISTEN: usize = 50;
    pub(super) const CLONE: usize = 56;
    pub(super) const EXECVE: usize = 59;
    pub(super) const WAIT4: usize = 61;
    pub(super) const SETSID: usize = 112;
    pub(super) const EXIT_GROUP: usize = 231;
    pub(super) const OPENAT: usize = 257;
    pub(super) const PPOLL: usize = 271;
    pub(super) const ACCEPT4: usize = 288;
    pub(super) const DUP3: usize = 292;
}

#[cfg(target_arch = "aarch64")]
mod call {
    pub(super) const DUP3: usize = 24;
    pub(super) const OPENAT: usize = 56;
    pub(super) const CLOSE: usize = 57;
    pub(super) const READ: usize = 63;
    pub(super) const WRITE: usize = 64;
    pub(super) const PPOLL: usize = 73;
    pub(super) const EXIT_GROUP: usize = 94;
    pub(super) const SETSID: usize = 157;
    pub(super) const SOCKET: usize = 198;
    pub(super) const BIND: usize = 200;
    pub(super) const LISTEN: usize = 201;
    pub(super) const CONNECT: usize = 203;
    pub(super) const SENDTO: usize = 206;
    pub(super) const RECVFROM: usize = 207;
    pub(super) const SHUTDOWN: usize = 210;
    pub(super) const CLONE: usize = 220;
    pub(super) const EXECVE: usize = 221;
    pub(super) const ACCEPT4: usize = 242;
    pub(super) const WAIT4: usize = 260;
}

#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call enter", "ud2");

#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "mov x29, xzr", "mov x0, sp", "bl enter", "brk #1");

/// Calls the kernel.
///
/// # Safety
/// What the call demands of its arguments.
unsafe fn kernel(number: usize, args: [usize; 6]) -> isize {
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the kernel's calling convention; the rest is the caller's promise.
    unsafe {
        asm!("syscall", inlateout("rax") number as isize => result, in("rdi") args[0], in("rsi") args[1],
            in("rdx") args[2], in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the kernel's calling convention; the rest is the caller's promise.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") args[0] as isize => result, in("x1") args[1],
            in("x2") args[2], in("x3") args[3], in("x4") args[4], in("x5") args[5], options(nostack));
    }
    result
}

/// Calls the kernel with pointers that live until it returns, or with none.
fn call(number: usize, args: [usize; 6]) -> isize {
    // SAFETY: every caller below hands over what the call demands.
    unsafe { kernel(number, args) }
}

/// An address of the internet, as the kernel has it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    family: u16,
    port: [u8; 2],
    address: [u8; 4],
    zero: [u8; 8],
}

/// What is waited for at a file, and what happened.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct PollFd {
    fd: Fd,
    wanted: i16,
    seen: i16,
}

impl PollFd {
    pub(crate) const fn new(fd: Fd, wanted: i16) -> Self {
        Self { fd, wanted, seen: 0 }
    }

    pub(crate) fn happened(self) -> bool {
        self.fd >= 0 && self.seen != 0
    }
}

/// What came of reading or writing.
pub(crate) enum Got {
    Bytes(usize),
    End,
    Nothing,
    Failure,
}

impl From<isize> for Got {
    fn from(result: isize) -> Self {
        match result {
            0 => Self::End,
            AGAIN | INTERRUPTED => Self::Nothing,
            count => usize::try_from(count).map_or(Self::Failure, Self::Bytes),
        }
    }
}

fn opened(result: isize) -> Option<Fd> {
    Fd::try_from(result).ok().filter(|fd| *fd >= 0)
}

/// Listens on a place; for packets where it answers for names.
pub(crate) fn listen(address: [u8; 4], port: u16, packets: bool) -> Option<Fd> {
    let kind = if packets { PACKETS } else { STREAM };
    let fd = opened(call(call::SOCKET, [INTERNET, kind | FLAGS, 0, 0, 0, 0]))?;
    let place = Place { family: INTERNET as u16, port: port.to_be_bytes(), address, zero: [0; 8] };
    let bound = call(call::BIND, [fd as usize, &raw const place as usize, size_of::<Place>(), 0, 0, 0]);
    let listens = packets || (bound == 0 && call(call::LISTEN, [fd as usize, BACKLOG, 0, 0, 0, 0]) == 0);
    (bound == 0 && listens).then_some(fd)
}

pub(crate) fn accept(listener: Fd) -> Option<Fd> {
    opened(call(call::ACCEPT4, [listener as usize, 0, 0, FLAGS, 0, 0]))
}

/// Connects to a socket in the file system.
pub(crate) fn connect(path: &[u8]) -> Option<Fd> {
    #[repr(C)]
    struct Local {
        family: u16,
        path: [u8; 108],
    }
    let mut local = Local { family: UNIX as u16, path: [0; 108] };
    local.path.get_mut(..path.len()).filter(|room| room.len() < 108)?.copy_from_slice(path);
    let fd = opened(call(call::SOCKET, [UNIX, STREAM | FLAGS, 0, 0, 0, 0]))?;
    if call(call::CONNECT, [fd as usize, &raw const local as usize, size_of::<Local>(), 0, 0, 0]) == 0 {
        return Some(fd);
    }
    close(fd);
    None
}

pub(crate) fn read(fd: Fd, room: &mut [u8]) -> Got {
    call(call::READ, [fd as usize, room.as_mut_ptr() as usize, room.len(), 0, 0, 0]).into()
}

/// Sends on a connection; one that is gone is a failure and no signal.
pub(crate) fn send(fd: Fd, bytes: &[u8]) -> Got {
    call(call::SENDTO, [fd as usize, bytes.as_ptr() as usize, bytes.len(), NO_SIGNAL, 0, 0]).into()
}

/// The next packet and where it came from.
pub(crate) fn receive(fd: Fd, room: &mut [u8]) -> Option<(usize, Place)> {
    let (mut place, mut size) = (Place::default(), size_of::<Place>() as u32);
    let (into, from) = (&raw mut place as usize, &raw mut size as usize);
    let count = call(call::RECVFROM, [fd as usize, room.as_mut_ptr() as usize, room.len(), 0, into, from]);
    usize::try_from(count).ok().map(|count| (count, place))
}

pub(crate) fn send_to(fd: Fd, bytes: &[u8], place: &Place) {
    let (start, to) = (bytes.as_ptr() as usize, core::ptr::from_ref(place) as usize);
    // An answer that is lost is asked for again.
    call(call::SENDTO, [fd as usize, start, bytes.len(), NO_SIGNAL, to, size_of::<Place>()]);
}

/// Says that nothing more comes.
pub(crate) fn end(fd: Fd) {
    call(call::SHUTDOWN, [fd as usize, 1, 0, 0, 0, 0]);
}

pub(crate) fn close(fd: Fd) {
    call(call::CLOSE, [fd as usize, 0, 0, 0, 0, 0]);
}

/// Waits, for as long as it takes, until something happens.
pub(crate) fn poll(all: &mut [PollFd]) {
    if call(call::PPOLL, [all.as_mut_ptr() as usize, all.len(), 0, 0, 0, 0]) < 0 {
        // Interrupted: nothing has happened.
        all.iter_mut().for_each(|polled| polled.seen = 0);
    }
}

/// The child's number, 0 in the child.
pub(crate) fn fork() -> Option<usize> {
    usize::try_from(call(call::CLONE, [CHILD_SIGNAL, 0, 0, 0, 0, 0])).ok()
}

pub(crate) fn wait(child: usize) {
    while call(call::WAIT4, [child, 0, 0, 0, 0, 0]) == INTERRUPTED {}
}

/// Lets go of the server's session and streams, so that nobody waits for this process.
pub(crate) fn detach() {
    call(call::SETSID, [0; 6]);
    let Some(null) = opened(call(call::OPENAT, [CURRENT_FOLDER, c"/dev/null".as_ptr() as usize, READ_WRITE, 0, 0, 0]))
    else {
        return (0..3).for_each(close);
    };
    for stream in 0..3 {
        call(call::DUP3, [null as usize, stream, 0, 0, 0, 0]);
    }
    if null > 2 {
        close(null);
    }
}

/// Becomes another program; returns, with the kernel's error, only when that fails.
///
/// # Safety
/// `path` ends with a zero byte, `args` and `env` with a zero pointer.
pub(crate) unsafe fn execute(path: *const u8, args: *const *const u8, env: *const *const u8) -> isize {
    call(call::EXECVE, [path as usize, args as usize, env as usize, 0, 0, 0])
}

pub(crate) fn complain(bytes: &[u8]) {
    call(call::WRITE, [2, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0]);
}

pub(crate) fn exit(code: i32) -> ! {
    loop {
        call(call::EXIT_GROUP, [code as usize, 0, 0, 0, 0, 0]);
    }
}

// === what the compiler calls by itself and no library brings here ===

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    for at in 0..count {
        // SAFETY: the caller's promise. Volatile, or the compiler makes this loop a call of this function.
        unsafe { to.add(at).write_volatile(from.add(at).read()) };
    }
    to
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    if (to as usize) < from as usize {
        // SAFETY: forwards, nothing is overwritten before it was read.
        return unsafe { memcpy(to, from, count) };
    }
    for at in (0..count).rev() {
        // SAFETY: the caller's promise.
        unsafe { to.add(at).write_volatile(from.add(at).read()) };
    }
    to
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
    for at in 0..count {
        // SAFETY: the caller's promise.
        unsafe { to.add(at).write_volatile(value as u8) };
    }
    to
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
    for at in 0..count {
        // SAFETY: the caller's promise.
        let (left, right) = unsafe { (a.add(at).read_volatile(), b.add(at).read_volatile()) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { memcmp(a, b, count) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller's promise.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}

/// What the ready-made `core` names as its unwinder; nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
