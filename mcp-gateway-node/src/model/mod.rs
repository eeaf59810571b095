//! Plain data, and the objects of JavaScript that stand for parts of a gateway.

mod host;

use mcp_gateway_core::model;
use napi_derive::napi;

use crate::error::to_napi;

pub(crate) use host::{HostCalls, JavaScriptObject};

/// A reference to an image: repository, and a tag or a digest or both.
#[napi]
#[derive(Debug)]
pub struct ImageReference(model::ImageReference);

#[napi]
impl ImageReference {
    /// Reads `repository[:tag][@digest]`; throws `invalid_input` when a part is missing or not valid.
    #[napi(factory)]
    pub fn parse(text: String) -> napi::Result<Self> {
        model::ImageReference::parse(&text).map(Self).map_err(|error| to_napi(&error))
    }

    /// The host of the registry that holds the image; `docker.io` where none is written.
    #[napi(getter)]
    pub fn registry(&self) -> &str {
        self.0.registry()
    }

    /// The repository, with its registry if one was written.
    #[napi(getter)]
    pub fn repository(&self) -> &str {
        self.0.repository()
    }

    /// The tag, if one was written.
    #[napi(getter)]
    pub fn tag(&self) -> Option<&str> {
        self.0.tag()
    }

    /// The digest, if one was written.
    #[napi(getter)]
    pub fn digest(&self) -> Option<&str> {
        self.0.digest().map(model::Digest::as_str)
    }

    /// The reference as text.
    #[napi(js_name = "toString")]
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}
