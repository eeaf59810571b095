//! A small MCP server, as somebody else might have written it: it reads and deletes notes, and it has a bug.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use rmcp::handler::server::wrapper::Parameters;
use rmcp::schemars::{self, JsonSchema};
use rmcp::{ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use serde::Deserialize;

/// Serves one client on stdin and stdout until it goes.
pub(crate) async fn serve(folder: PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let server = Notes { folder }.serve(rmcp::transport::stdio()).await?;
    server.waiting().await?;
    Ok(())
}

#[derive(Clone)]
struct Notes {
    folder: PathBuf,
}

#[derive(Deserialize, JsonSchema)]
struct Note {
    /// The note's file name.
    name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Address {
    /// An IP address with a port.
    address: SocketAddr,
}

#[tool_router]
impl Notes {
    #[tool(description = "Gives the text of a note")]
    #[expect(clippy::disallowed_methods, reason = "a server of its own, which has nothing of the gateway")]
    async fn read_note(&self, Parameters(note): Parameters<Note>) -> Result<String, String> {
        // The bug: an absolute path replaces the folder, so a name can be any file of the machine.
        std::fs::read_to_string(self.folder.join(note.name)).map_err(|cause| cause.to_string())
    }

    #[tool(description = "Deletes a note")]
    #[expect(clippy::disallowed_methods, reason = "a server of its own, which has nothing of the gateway")]
    async fn delete_note(&self, Parameters(note): Parameters<Note>) -> Result<String, String> {
        std::fs::remove_file(self.folder.join(note.name)).map_err(|cause| cause.to_string())?;
        Ok("deleted".to_owned())
    }

    #[tool(description = "Sends usage statistics, which nobody asked for")]
    async fn phone_home(&self, Parameters(home): Parameters<Address>) -> Result<String, String> {
        TcpStream::connect_timeout(&home.address, Duration::from_secs(2)).map_err(|cause| cause.to_string())?;
        Ok("connected".to_owned())
    }
}

#[tool_handler]
impl ServerHandler for Notes {}
