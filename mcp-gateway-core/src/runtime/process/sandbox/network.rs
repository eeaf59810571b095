//! A network of its own for a child, with nothing in it but listeners that the gateway serves.
#![expect(unsafe_code, reason = "a child is put into its network by system calls between fork and exec")]

use std::ffi::CStr;
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use super::exec::Confinement;

/// How many descriptors one message carries; the kernel takes 253.
const BATCH: usize = 200;

const BACKLOG: libc::c_int = 128;

/// Room for the head of a control message and a batch, in words so that it is aligned.
const CONTROL_WORDS: usize = (64 + BATCH * size_of::<RawFd>()).div_ceil(size_of::<u64>());

/// What a child does to be in a network of its own; prepared before the fork.
#[derive(Debug)]
pub(super) struct OwnNetwork {
    places: Vec<SocketAddrV4>,
    gateway: UnixStream,
    users: Vec<u8>,
    groups: Vec<u8>,
}

/// The gateway's end, to which the child's listeners come.
#[derive(Debug)]
pub(in super::super) struct Handover {
    child: UnixStream,
    count: usize,
}

/// Prepares a network with listeners on these places.
pub(super) fn prepare(places: &[SocketAddrV4]) -> io::Result<(OwnNetwork, Handover)> {
    let (gateway, child) = UnixStream::pair()?;
    child.set_nonblocking(true)?;
    // SAFETY: system calls without pointers that cannot fail.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    let own = OwnNetwork {
        places: places.to_vec(),
        gateway,
        users: format!("{user} {user} 1").into_bytes(),
        groups: format!("{group} {group} 1").into_bytes(),
    };
    Ok((own, Handover { child, count: places.len() }))
}

/// Whether a child can be put into a network of its own here; tried, because rules of the system may forbid it.
pub(super) fn works() -> bool {
    let place = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 443);
    let Ok((network, handover)) = prepare(&[place]) else { return false };
    let mut command = std::process::Command::new("/bin/true");
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Confinement { network: Some(network), ..Confinement::default() }.apply(&mut command);
    // The kernel tells of a child that could not be put there before its program runs.
    let Ok(mut child) = command.spawn() else { return false };
    let works = child.wait().is_ok_and(|status| status.success());
    works && handover.receive().is_ok_and(|listeners| listeners.len() == 1)
}

impl OwnNetwork {
    /// Enters the network and hands its listeners over. Takes no lock and no memory.
    pub(super) fn enter(&self) -> io::Result<()> {
        // SAFETY: system calls without pointers.
        unsafe {
            if libc::unshare(libc::CLONE_NEWNET) != 0 {
                // Who is no administrator is one among users of its own, where it is the only one.
                check(libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET))?;
                write(c"/proc/self/setgroups", b"deny")?;
                write(c"/proc/self/uid_map", &self.users)?;
                write(c"/proc/self/gid_map", &self.groups)?;
            }
        }
        raise_loopback()?;
        for places in self.places.chunks(BATCH) {
            let mut listeners = [-1; BATCH];
            for (listener, place) in listeners.iter_mut().zip(places) {
                *listener = listen(*place)?;
            }
            send(self.gateway.as_raw_fd(), &listeners[..places.len()])?;
            for listener in &listeners[..places.len()] {
                // SAFETY: a descriptor of this function's own.
                unsafe { libc::close(*listener) };
            }
        }
        Ok(())
    }
}

fn write(path: &CStr, content: &[u8]) -> io::Result<()> {
    // SAFETY: pointers to values that live until the calls return; the descriptor is this function's own.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        check(file)?;
        let written = libc::write(file, content.as_ptr().cast(), content.len());
        libc::close(file);
        if written < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

fn raise_loopback() -> io::Result<()> {
    // SAFETY: all zeros is a value of this type; the pointer is to a value that lives until the call returns.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        check(socket)?;
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = from.cast_signed() as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        let raised = check(libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw const request));
        libc::close(socket);
        raised
    }
}

fn listen(place: SocketAddrV4) -> io::Result<RawFd> {
    // SAFETY: all zeros is a value of this type; the pointer is to a value that lives until the call returns.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0);
        check(socket)?;
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_port = place.port().to_be();
        address.sin_addr.s_addr = u32::from_ne_bytes(place.ip().octets());
        let size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        check(libc::bind(socket, (&raw const address).cast(), size))?;
        check(libc::listen(socket, BACKLOG))?;
        Ok(socket)
    }
}

fn send(to: RawFd, descriptors: &[RawFd]) -> io::Result<()> {
    let mut control = [0_u64; CONTROL_WORDS];
    let mut byte = 1_u8;
    let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: the message and all that it points to live until the call returns; the control buffer has room for a batch.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        let bytes = size_of_val(descriptors) as libc::c_uint;
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(bytes) as _;
        let head = libc::CMSG_FIRSTHDR(&raw const message);
        (*head).cmsg_level = libc::SOL_SOCKET;
        (*head).cmsg_type = libc::SCM_RIGHTS;
        (*head).cmsg_len = libc::CMSG_LEN(bytes) as _;
        libc::CMSG_DATA(head).copy_from_nonoverlapping(descriptors.as_ptr().cast(), bytes as usize);
        if libc::sendmsg(to, &raw const message, libc::MSG_NOSIGNAL) < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

impl Handover {
    /// The listeners, in the order of their places; there once the child has run its program.
    pub(in super::super) fn receive(self) -> io::Result<Vec<OwnedFd>> {
        let mut all = Vec::with_capacity(self.count);
        while all.len() < self.count {
            if !receive(self.child.as_raw_fd(), &mut all)? {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
        }
        Ok(all)
    }
}

/// Takes one message's descriptors; `false` at the end.
fn receive(from: RawFd, all: &mut Vec<OwnedFd>) -> io::Result<bool> {
    let mut control = [0_u64; CONTROL_WORDS];
    let mut byte = 0_u8;
    let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: the message and all that it points to live until the call returns; what the kernel put into the control
    // buffer are descriptors without another owner.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        let received = libc::recvmsg(from, &raw mut message, libc::MSG_CMSG_CLOEXEC);
        if received < 0 {
            return Err(io::Error::last_os_error());
        }
        let head = libc::CMSG_FIRSTHDR(&raw const message);
        if received == 0 || head.is_null() {
            return Ok(false);
        }
        let count = ((*head).cmsg_len as usize - libc::CMSG_LEN(0) as usize) / size_of::<RawFd>();
        let first: *const RawFd = libc::CMSG_DATA(head).cast();
        all.extend((0..count).map(|at| OwnedFd::from_raw_fd(first.add(at).read_unaligned())));
    }
    Ok(true)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
