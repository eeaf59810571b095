//! The native half of the Python module `mcp_gateway`: each file here puts Python's clothes on the core's module of
//! that name.

mod audit;
mod cli;
mod error;
mod gateway;
mod model;
mod secrets;
mod transport;
mod util;

use pyo3::pymodule;

/// `mcp_gateway._native`; users import `mcp_gateway`, which re-exports what is public.
#[pymodule]
mod _native {
    use mcp_gateway_core::ErrorKind;
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    #[pymodule_export]
    use super::audit::audit_files;
    #[pymodule_export]
    use super::cli::run_cli;
    #[pymodule_export]
    use super::gateway::{Events, Gateway, Session, ToolSet, share};
    #[pymodule_export]
    use super::model::{Answer, ImageReference};
    #[pymodule_export]
    use super::secrets::home_secrets;
    #[pymodule_export]
    use super::transport::Connection;
    #[pymodule_export]
    use super::util::{Canceller, Mailbox, report};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", mcp_gateway_core::VERSION)?;
        let kinds = PyTuple::new(module.py(), ErrorKind::ALL.map(ErrorKind::as_str))?;
        module.add("ERROR_KINDS", kinds)
    }
}
