//! A container that runs to its end for one answer.

use tokio::io::{AsyncReadExt as _, ReadHalf};
use tokio_util::sync::CancellationToken;

use super::client::Engine;
use super::frames::{Channel, Demux};
use super::launch::{Launch, Launched, Streams};
use super::removal;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::OneShotOutput;

const READ_CHUNK: usize = 64 * 1024;

/// Runs a container to its end and removes it, also when the caller gives up.
pub(super) async fn run(launch: Launch, max_bytes: usize, abandoned: CancellationToken) -> Result<OneShotOutput> {
    let engine = launch.engine.clone();
    let Launched { id, streams, exit: _exit } = launch.run().await?;
    let (output, _input) = tokio::io::split(streams);
    let result = tokio::select! {
        result = collect(&engine, id.as_str(), output, max_bytes) => result,
        () = abandoned.cancelled() => Err(Error::new(ErrorKind::Cancelled, "nobody waits for the answer any more")),
    };
    // A process that ends with this answer must not leave the container; an engine in trouble does not hold the answer up.
    if engine.remove(id.as_str()).await.is_err() {
        tokio::spawn(async move { removal::remove(&engine, id.as_str()).await });
    }
    result
}

async fn collect(engine: &Engine, id: &str, mut output: ReadHalf<Streams>, max_bytes: usize) -> Result<OneShotOutput> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut demux = Demux::new();
    let mut chunk = vec![0; READ_CHUNK];
    loop {
        let count = output.read(&mut chunk).await.map_err(|cause| {
            Error::new(ErrorKind::ServerExited, "the connection to the container engine was lost").with_source(cause)
        })?;
        if count == 0 {
            break;
        }
        let mut bytes = &chunk[..count];
        while let Some((channel, piece)) = demux.next(&mut bytes) {
            let kept = if channel == Channel::Output { &mut stdout } else { &mut stderr };
            let room = max_bytes.saturating_sub(kept.len());
            kept.extend_from_slice(&piece[..piece.len().min(room)]);
        }
    }
    let state = engine.ended(id).await.map_err(|cause| {
        cause.into_error(ErrorKind::ServerExited, "cannot find out how the tool ended", engine.endpoint())
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(OneShotOutput::new(state.exit_code, text(&stdout), text(&stderr)))
}
