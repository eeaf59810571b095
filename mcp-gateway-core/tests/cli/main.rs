//! The binary as people and programs use it: exit code, standard output and standard error of whole commands.

#![cfg(unix)]

mod audit;
mod catalog;
mod command;
mod gateway;
mod plugin;
mod profile;
mod secret;
mod server;
mod support;
mod tools;
