//! The one place where the core's errors become Python exceptions.

use std::error::Error as StdError;
use std::io;

use mcp_gateway_core::{Error, Retry};
use pyo3::exceptions::{PyException, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyTuple};

/// Makes the exception for an error: an instance of its kind's class in `mcp_gateway.exceptions`, chained to its causes.
pub(crate) fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    match exception(py, error) {
        Ok(exception) => exception,
        // The package is broken (its own class cannot be looked up): say what that was, and what it hid.
        Err(lookup) => {
            lookup.set_cause(py, Some(PyException::new_err(error.report())));
            lookup
        }
    }
}

fn exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let class = py.import("mcp_gateway.exceptions")?.call_method1("class_for", (error.kind().as_str(),))?;
    let fields = PyDict::new(py);
    fields.set_item("operation", error.operation())?;
    fields.set_item("context", error.context().collect::<Vec<_>>().into_py_dict(py)?)?;
    fields.set_item("hints", PyTuple::new(py, error.hints().collect::<Vec<_>>())?)?;
    fields.set_item("fault", error.fault().as_str())?;
    fields.set_item("retryable", error.retry() == Retry::Later)?;
    let exception = PyErr::from_value(class.call((error.to_string(),), Some(&fields))?);
    if let Some(source) = error.source() {
        exception.set_cause(py, Some(cause(py, source)));
    }
    Ok(exception)
}

/// Causes keep their nature where Python has it: an error of ours, an error of the operating system, or any other.
fn cause(py: Python<'_>, source: &(dyn StdError + 'static)) -> PyErr {
    if let Some(error) = source.downcast_ref::<Error>() {
        return to_python(py, error);
    }
    let text = source.to_string();
    let exception = match source.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
        Some(code) => PyOSError::new_err((code, text)),
        None => PyException::new_err(text),
    };
    if let Some(next) = source.source() {
        exception.set_cause(py, Some(cause(py, next)));
    }
    exception
}
