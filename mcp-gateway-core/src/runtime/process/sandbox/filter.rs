//! The system calls that a child may not make.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use crate::error::{Error, ErrorKind, Result};
use crate::model::NetworkRule;

/// Calls that no server needs and that reach into the kernel or other processes.
const DENIED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// The filter of a child; what it denies fails with `EPERM`.
pub(super) fn program(network: &NetworkRule) -> Result<BpfProgram> {
    build(network).map_err(|cause| {
        Error::new(ErrorKind::Unsupported, "the sandbox's filter of system calls could not be made").with_source(cause)
    })
}

fn build(network: &NetworkRule) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = DENIED.iter().map(|&call| (call, Vec::new())).collect();
    let families: &[libc::c_int] = match network {
        NetworkRule::None => &[libc::AF_UNIX],
        // Netlink is how the C library learns which addresses are of use.
        _ => &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK],
    };
    rules.insert(libc::SYS_socket, vec![other_than(families)?, raw()?]);
    rules.insert(libc::SYS_clone, new_namespaces()?);
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let denied = SeccompAction::Errno(u32::try_from(libc::EPERM).unwrap_or(1));
    SeccompFilter::new(rules, SeccompAction::Allow, denied, arch)?.try_into()
}

/// A socket of any family but these.
fn other_than(families: &[libc::c_int]) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = families.iter().map(|&family| condition(0, SeccompCmpOp::Ne, u64::try_from(family).unwrap_or(0)));
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

/// A raw socket, whatever its flags.
fn raw() -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![condition(1, SeccompCmpOp::MaskedEq(0xf), u64::try_from(libc::SOCK_RAW).unwrap_or(3))?])
}

/// A process in namespaces of its own, where it would have rights again.
fn new_namespaces() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let flags = [libc::CLONE_NEWUSER, libc::CLONE_NEWNET, libc::CLONE_NEWNS, libc::CLONE_NEWPID, libc::CLONE_NEWIPC];
    flags
        .iter()
        .map(|&flag| {
            let flag = u64::try_from(flag).unwrap_or(0);
            SeccompRule::new(vec![condition(0, SeccompCmpOp::MaskedEq(flag), flag)?])
        })
        .collect()
}

fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
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
