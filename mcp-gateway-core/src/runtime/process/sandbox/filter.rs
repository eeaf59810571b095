//! The system calls that a child may not make.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use crate::error::{Error, ErrorKind, Result};

/// Calls that no server needs and that reach into the kernel or other processes; they fail with `EPERM`.
const DENIED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_nfsservctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
];

/// Calls that look as if the kernel did not have them, for which every program has another way: their arguments lie in
/// memory, where a filter cannot look.
const ABSENT: &[libc::c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_enter, libc::SYS_io_uring_register, libc::SYS_io_uring_setup];

/// Calls that seem to succeed and do nothing, so that a child's children stay in its group and end with it.
const IDLE: &[libc::c_long] = &[libc::SYS_setpgid, libc::SYS_setsid];

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
    /// TCP to the ports that Landlock lets through, and UDP where names have to be resolved.
    Listed { names: bool },
    /// TCP and UDP.
    Open,
}

/// What the filter depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls {
    pub(super) internet: Internet,
    /// Whether the sockets of other processes are out of sight, so that local sockets do no harm.
    pub(super) local_sockets: bool,
    /// Whether the end of the child ends its children wherever they went.
    pub(super) own_processes: bool,
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
    if let Internet::Listed { .. } = calls.internet {
        denied.insert(libc::SYS_listen, Vec::new());
        // Connects without the call that Landlock looks at.
        denied.insert(libc::SYS_sendto, vec![has(3, libc::MSG_FASTOPEN)?]);
        denied.insert(libc::SYS_sendmsg, vec![has(2, libc::MSG_FASTOPEN)?]);
        denied.insert(libc::SYS_sendmmsg, vec![has(3, libc::MSG_FASTOPEN)?]);
    }
    let mut programs = vec![program(denied, libc::EPERM)?, program(whole(ABSENT), libc::ENOSYS)?];
    if !calls.own_processes {
        programs.push(program(whole(IDLE), 0)?);
    }
    Ok(programs)
}

fn whole(calls: &[libc::c_long]) -> BTreeMap<i64, Vec<SeccompRule>> {
    calls.iter().map(|&call| (call, Vec::new())).collect()
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
        if let Internet::Listed { names } = calls.internet {
            refused.push(kind(family, libc::SOCK_SEQPACKET)?);
            if !names {
                refused.push(kind(family, libc::SOCK_DGRAM)?);
            }
            // Landlock looks at TCP only: not at MPTCP, SCTP and what else runs over a stream.
            refused.push(rule(&[
                (0, SeccompCmpOp::Eq, family),
                (1, SeccompCmpOp::MaskedEq(TYPE_MASK), libc::SOCK_STREAM),
                (2, SeccompCmpOp::Ne, 0),
                (2, SeccompCmpOp::Ne, libc::IPPROTO_TCP),
            ])?);
        }
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
