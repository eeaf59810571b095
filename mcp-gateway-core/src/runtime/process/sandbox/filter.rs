//! The system calls that a child may not make.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use super::calls::{ABSENT, CREATING, DENIED, IDLE, OWN_PROCESS, SETTING_MODE, SHARED};
use crate::error::{Error, ErrorKind, Result};

const NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

/// Ways to type into a terminal that one shares with the gateway.
const TYPING: [libc::c_int; 2] = [0x5412, 0x541c];

/// The part of a socket's type that is not a flag.
const TYPE_MASK: u64 = 0xf;

/// Which sockets a child may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Internet {
    /// None.
    Closed,
    /// TCP and UDP.
    Open,
}

/// What the filter depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls {
    pub(super) internet: Internet,
    /// Whether the sockets of other processes are out of sight, so that local sockets do no harm.
    pub(super) local_sockets: bool,
    /// Whether it has namespaces of its own: files, processes and shared memory of others are not there.
    pub(super) contained: bool,
}

/// The filters of a child; the kernel obeys the strictest.
pub(super) fn programs(calls: Calls) -> Result<Vec<BpfProgram>> {
    build(calls).map_err(|cause| {
        Error::new(ErrorKind::Unsupported, "the sandbox's filter of system calls could not be made").with_source(cause)
    })
}

fn build(calls: Calls) -> Result<Vec<BpfProgram>, BackendError> {
    let mut denied: BTreeMap<i64, Vec<SeccompRule>> = whole(DENIED);
    denied.insert(libc::SYS_socket, sockets(calls)?);
    let mut pairs = vec![rule(&[(0, SeccompCmpOp::Ne, libc::AF_UNIX)])?];
    if !calls.local_sockets {
        // One end of such a pair could still be sent to any socket by its path.
        pairs.push(rule(&[(1, SeccompCmpOp::MaskedEq(TYPE_MASK), libc::SOCK_DGRAM)])?);
    }
    denied.insert(libc::SYS_socketpair, pairs);
    denied.insert(libc::SYS_clone, NAMESPACES.iter().map(|&flag| has(0, flag)).collect::<Result<_, _>>()?);
    denied.insert(
        libc::SYS_ioctl,
        TYPING.iter().map(|&request| rule(&[(1, SeccompCmpOp::Eq, request)])).collect::<Result<_, _>>()?,
    );
    for &(call, flags, mode) in CREATING {
        denied.insert(call, set_id(flags, mode)?);
    }
    for &(call, mode) in SETTING_MODE {
        denied.insert(call, set_id(None, mode)?);
    }
    if !calls.contained {
        denied.extend(whole(SHARED));
        for &(call, process) in OWN_PROCESS {
            denied.insert(call, vec![rule(&[(process, SeccompCmpOp::Ne, 0)])?]);
        }
    }
    let mut programs = vec![program(denied, libc::EPERM)?, program(whole(ABSENT), libc::ENOSYS)?];
    if !calls.contained {
        programs.push(program(whole(IDLE), 0)?);
    }
    Ok(programs)
}

fn whole(calls: &[libc::c_long]) -> BTreeMap<i64, Vec<SeccompRule>> {
    calls.iter().map(|&call| (call, Vec::new())).collect()
}

/// Making a file that runs as its owner, who may be root: outside, it would.
fn set_id(flags: Option<u8>, mode: u8) -> Result<Vec<SeccompRule>, BackendError> {
    let mut rules = Vec::new();
    for bit in [libc::S_ISUID, libc::S_ISGID].map(u32::cast_signed) {
        let bit = (mode, SeccompCmpOp::MaskedEq(unsigned(bit)), bit);
        match flags {
            None => rules.push(rule(&[bit])?),
            // Without one of these flags the mode is whatever happens to be there.
            Some(flags) => {
                for flag in [libc::O_CREAT, libc::O_TMPFILE & !libc::O_DIRECTORY] {
                    let creates = (flags, SeccompCmpOp::MaskedEq(unsigned(flag)), flag);
                    rules.push(rule(&[creates, bit.clone()])?);
                }
            }
        }
    }
    Ok(rules)
}

/// The sockets that are refused; no rule at all refuses every one.
fn sockets(calls: Calls) -> Result<Vec<SeccompRule>, BackendError> {
    let internet: &[libc::c_int] = match calls.internet {
        Internet::Closed => &[],
        // Netlink is how the C library learns which addresses are of use.
        _ => &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK],
    };
    let local: &[libc::c_int] = if calls.local_sockets { &[libc::AF_UNIX] } else { &[] };
    let families = [internet, local].concat();
    if families.is_empty() {
        return Ok(Vec::new());
    }
    let others: Vec<_> = families.iter().map(|&family| (0, SeccompCmpOp::Ne, family)).collect();
    let mut refused = vec![rule(&others)?];
    let kind = |family, kind| rule(&[(0, SeccompCmpOp::Eq, family), (1, SeccompCmpOp::MaskedEq(TYPE_MASK), kind)]);
    for family in [libc::AF_INET, libc::AF_INET6] {
        refused.push(kind(family, libc::SOCK_RAW)?);
    }
    refused.push(rule(&[(0, SeccompCmpOp::Eq, libc::AF_NETLINK), (2, SeccompCmpOp::Ne, libc::NETLINK_ROUTE)])?);
    Ok(refused)
}

/// A call whose argument has this flag.
fn has(argument: u8, flag: libc::c_int) -> Result<SeccompRule, BackendError> {
    rule(&[(argument, SeccompCmpOp::MaskedEq(unsigned(flag)), flag)])
}

/// A call for which all of this holds.
fn rule(conditions: &[(u8, SeccompCmpOp, libc::c_int)]) -> Result<SeccompRule, BackendError> {
    let conditions = conditions.iter().map(|(argument, operator, value)| {
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), unsigned(*value))
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

fn unsigned(value: libc::c_int) -> u64 {
    u64::from(value.cast_unsigned())
}

fn program(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: libc::c_int) -> Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let action = SeccompAction::Errno(errno.cast_unsigned());
    let program: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, action, arch)?.try_into()?;
    Ok([second_numbers(), program].concat())
}

/// Refuses the second set of call numbers that some x86-64 kernels have (x32), under which every rule could be passed by.
fn second_numbers() -> BpfProgram {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const X32: u32 = 0x4000_0000;
    if cfg!(not(target_arch = "x86_64")) {
        return Vec::new();
    }
    let step = |code, jf, k| sock_filter { code, jt: 0, jf, k };
    vec![
        step(LOAD_WORD, 0, 0),
        step(JUMP_IF_AT_LEAST, 1, X32),
        step(RETURN, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
    ]
}

/// The filter as the kernel reads it, for bubblewrap.
pub(super) fn bytes(program: &BpfProgram) -> Vec<u8> {
    program
        .iter()
        .flat_map(|step| {
            let mut bytes = step.code.to_ne_bytes().to_vec();
            bytes.extend([step.jt, step.jf]);
            bytes.extend(step.k.to_ne_bytes());
            bytes
        })
        .collect()
}
