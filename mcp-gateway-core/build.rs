//! Builds the program that carries a container's connections to the gateway.
//!
//! It is Rust without a standard library, so the compiler and the linker that build the rest are enough. Where they are
//! not (another system, another processor), it is left out, and servers with a list of hosts are refused at their start.
#![expect(clippy::disallowed_methods, reason = "a build script has no library but the standard one")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=shim");
    println!("cargo::rerun-if-changed=build.rs");
    let Some(program) = env::var_os("OUT_DIR").map(|folder| Path::new(&folder).join("shim")) else { return };
    let wanted = ["CARGO_FEATURE_RUNTIME_DOCKER"].iter().any(|feature| env::var_os(feature).is_some());
    let built = wanted && supported() && build(&program);
    if wanted && supported() && !built {
        println!("cargo::warning=no program for egress was built; servers with a list of hosts will be refused");
    }
    if !built && let Err(cause) = fs::write(&program, b"") {
        println!("cargo::error=cannot write {}: {cause}", program.display());
    }
}

fn supported() -> bool {
    let is = |name: &str, values: &[&str]| env::var(name).is_ok_and(|value| values.contains(&value.as_str()));
    is("CARGO_CFG_TARGET_OS", &["linux"]) && is("CARGO_CFG_TARGET_ARCH", &["x86_64", "aarch64"])
}

/// Builds the program; says whether that worked.
fn build(program: &PathBuf) -> bool {
    let (Ok(compiler), Ok(target)) = (env::var("RUSTC"), env::var("TARGET")) else { return false };
    let mut command = Command::new(compiler);
    command.args(["--edition=2024", "--crate-type=bin", "--crate-name=shim", "shim/main.rs", "--target", &target]);
    for option in [
        "panic=abort",
        "opt-level=s",
        "debuginfo=0",
        "strip=symbols",
        "relocation-model=static",
        "target-feature=+crt-static",
        "link-arg=-nostdlib",
        "link-arg=-nostartfiles",
        "link-arg=-static",
    ] {
        command.args(["-C", option]);
    }
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        command.args(["-C", &format!("linker={linker}")]);
    }
    command.arg("-o").arg(program);
    match command.output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            for line in String::from_utf8_lossy(&output.stderr).lines() {
                println!("cargo::warning={line}");
            }
            false
        }
        Err(cause) => {
            println!("cargo::warning=the compiler could not be run: {cause}");
            false
        }
    }
}
