//! Plain data, and the objects of Python that stand for parts of a gateway.

mod host;

use mcp_gateway_core::model;
use pyo3::prelude::*;

use crate::error::to_python;

pub(crate) use host::{Answer, PythonObject};

/// A reference to an image: repository, and a tag or a digest or both.
#[pyclass(frozen, eq, hash, module = "mcp_gateway")]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ImageReference(model::ImageReference);

#[pymethods]
impl ImageReference {
    /// Reads `repository[:tag][@digest]`; raises `InvalidInputError` when a part is missing or not valid.
    #[staticmethod]
    fn parse(py: Python<'_>, text: &str) -> PyResult<Self> {
        model::ImageReference::parse(text).map(Self).map_err(|error| to_python(py, &error))
    }

    /// The host of the registry that holds the image; `docker.io` where none is written.
    #[getter]
    fn registry(&self) -> &str {
        self.0.registry()
    }

    /// The repository, with its registry if one was written.
    #[getter]
    fn repository(&self) -> &str {
        self.0.repository()
    }

    /// The tag, if one was written.
    #[getter]
    fn tag(&self) -> Option<&str> {
        self.0.tag()
    }

    /// The digest, if one was written.
    #[getter]
    fn digest(&self) -> Option<&str> {
        self.0.digest().map(model::Digest::as_str)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("ImageReference.parse('{}')", self.0)
    }
}
