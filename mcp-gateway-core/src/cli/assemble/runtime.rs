//! What starts servers.

use std::sync::Arc;

use crate::cli::Env;
use crate::cli::args::{RuntimeArg, SettingArgs};
use crate::error::Result;
use crate::runtime::{GatewayInstance, InstanceStatus, Runtime};
