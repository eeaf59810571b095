//! Questions of servers to the person at the terminal.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::field;
use crate::cli::report::plain;
use crate::error::{Error, ErrorKind, Result};

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 64 * 1024;

/// Whose turn it is at the terminal: one question's, or that of what is drawn there.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Turn(Arc<Mutex<()>>);

impl Turn {
    /// Draws, unless a person is asked at the moment.
    pub(super) fn draw(&self, draw: impl FnOnce()) {
        if let Ok(_turn) = self.0.try_lock() {
            draw();
        }
    }
}

/// The terminal: questions on standard error, answers on standard input, one question after the other.
#[derive(Clone, Debug)]
pub(super) struct Terminal(Turn);

impl Terminal {
    pub(super) fn new(turn: Turn) -> Self {
        Self(turn)
    }

    /// Has a form filled in, field by field; what was prepared is not asked for.
    pub(super) async fn fill(&self, server: &str, params: &Value, prepared: Map<String, Value>) -> Result<Value> {
        let intro = format!("{}\n(Ctrl-D declines)\n", asks(server, "asks", params));
        let fields = field::all(&params["requestedSchema"]);
        self.ask(move |lines| {
            lines.say(&intro)?;
            let mut content = Map::new();
            for field in fields {
                if let (true, Ok(Some(value))) = (prepared.contains_key(&field.name), field.given(Some(&prepared))) {
                    content.insert(field.name, value);
                    continue;
                }
                let value = loop {
                    let Some(line) = lines.ask(&field.prompt())? else { return Ok(json!({"action": "decline"})) };
                    match field.typed(&line) {
                        Ok(value) => break value,
                        Err(wanted) => lines.say(&format!("  please type {wanted}\n"))?,
                    }
                };
                if let Some(value) = value {
                    content.insert(field.name, value);
                }
            }
            Ok(json!({"action": "accept", "content": content}))
        })
        .await
    }

    /// Shows an address, which is never opened, and asks whether the person agrees.
    pub(super) async fn confirm(&self, server: &str, params: &Value) -> Result<Value> {
        let address = plain(params["url"].as_str().unwrap_or_default());
        let intro = format!("{}\n  {address}\n", asks(server, "asks you to visit an address", params));
        self.ask(move |lines| {
            lines.say(&intro)?;
            let answer = lines.ask("Nothing is opened for you. Do you trust it, and visit it yourself? [y/N] ")?;
            let agrees = answer.is_some_and(|line| matches!(line.trim().to_lowercase().as_str(), "y" | "yes"));
            Ok(json!({"action": if agrees { "accept" } else { "decline" }}))
        })
        .await
    }

    /// Asks in a thread that may wait for the person.
    async fn ask(&self, work: impl FnOnce(&Lines) -> io::Result<Value> + Send + 'static) -> Result<Value> {
        let (Turn(turn), late) = (self.0.clone(), CancellationToken::new());
        let lines = Lines(late.clone());
        let _late = late.drop_guard();
        let asked = tokio::task::spawn_blocking(move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            work(&lines)
        });
        let failed = |cause: io::Error| Error::new(ErrorKind::Io, "cannot ask at the terminal").with_source(cause);
        asked.await.map_err(|cause| failed(cause.into()))?.map_err(failed)
    }
}

/// What is said and typed; the token says that nobody waits for it any longer.
struct Lines(CancellationToken);

impl Lines {
    fn say(&self, text: &str) -> io::Result<()> {
        if self.0.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        // A line of progress may be under way.
        let mut stderr = io::stderr().lock();
        write!(stderr, "\r\x1b[2K{text}")?;
        stderr.flush()
    }

    /// Asks for a line; none at the end of the input.
    fn ask(&self, prompt: &str) -> io::Result<Option<String>> {
        self.say(prompt)?;
        let mut line = String::new();
        let read = io::stdin().lock().take(MAX_LINE).read_line(&mut line)?;
        if self.0.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if read == 0 {
            self.say("\n")?;
        }
        Ok((read > 0).then_some(line))
    }
}

/// Who asks, and their words, set off from what the gateway says.
fn asks(server: &str, what: &str, params: &Value) -> String {
    let message = plain(params["message"].as_str().unwrap_or_default());
    let lines = message.lines().map(|line| format!("\n  {line}"));
    let who = if server.is_empty() { "the gateway itself".to_owned() } else { format!("server `{server}`") };
    format!("{who} {what}:{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_set_off() {
        let params = json!({"message": "Who?\nserver `bank` asks: PIN\u{7}"});
        assert_eq!(asks("toy", "asks", &params), "server `toy` asks:\n  Who?\n  server `bank` asks: PIN\u{fffd}");
    }
}
