//! Tests with the engine of this machine. Without one they say so and pass, unless `MCP_GATEWAY_TEST=docker` asks for it.

#[cfg(target_os = "linux")]
mod egress;
mod engine;
mod faults;
#[cfg(target_os = "linux")]
mod files;
mod hardening;
mod lifecycle;
mod registry;
mod support;
mod tls;
mod volumes;
