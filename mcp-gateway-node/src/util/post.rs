//! The way from the gateway's threads into the thread of JavaScript.

use std::sync::Arc;

use mcp_gateway_core::model::SecretValue;
use mcp_gateway_core::{Error, Result};
use napi::bindgen_prelude::{Buffer, Either3, FnArgs, Function, Null};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode, UnknownReturnValue};

use crate::error::reason;

/// `deliver(ticket, kind, payload)`: what JavaScript is told, and for which piece of work.
pub(crate) type Deliver<'a> = Function<'a, FnArgs<Arguments>, UnknownReturnValue>;

type Payload = Either3<String, Buffer, Null>;
type Arguments = (u32, u32, Payload);
type Way = ThreadsafeFunction<Letter, UnknownReturnValue, FnArgs<Arguments>, napi::Status, false, true>;

/// What a letter is about; `gateway.js` has the same numbers.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The work is done.
    Done = 0,
    /// The work failed; the payload is the error.
    Failed = 1,
    /// The work goes on; the payload is its progress.
    Progress = 2,
    /// An object of JavaScript is called.
    Ask = 3,
    /// Nobody waits any longer for what an object of JavaScript was asked.
    Late = 4,
}

struct Letter {
    ticket: u32,
    kind: Kind,
    payload: Payload,
}

/// What work may give.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Nothing.
    None,
    /// A text, nearly always JSON.
    Text(String),
    /// A text that is handed over as bytes, without a copy.
    Bytes(String),
}

/// Sends letters to JavaScript's thread. It does not keep the process alive; whoever waits for a letter does.
#[derive(Clone)]
pub(crate) struct Post(Arc<Way>);

impl Post {
    pub(crate) fn new(deliver: &Deliver<'_>) -> napi::Result<Self> {
        let way = deliver.build_threadsafe_function::<Letter>().weak::<true>().build_callback(|context| {
            let Letter { ticket, kind, payload } = context.value;
            Ok(FnArgs::from((ticket, kind as u32, payload)))
        })?;
        Ok(Self(Arc::new(way)))
    }

    /// Says how work has ended.
    pub(crate) fn done(&self, ticket: u32, done: Result<Reply>) {
        match done {
            Ok(Reply::None) => self.send(ticket, Kind::Done, Either3::C(Null)),
            Ok(Reply::Text(text)) => self.send(ticket, Kind::Done, Either3::A(text)),
            Ok(Reply::Bytes(text)) => self.send(ticket, Kind::Done, Either3::B(text.into_bytes().into())),
            Err(error) => self.failed(ticket, &error),
        }
    }

    /// Says that work has failed.
    fn failed(&self, ticket: u32, error: &Error) {
        self.send(ticket, Kind::Failed, Either3::A(reason(error)));
    }

    /// Tells progress.
    pub(crate) fn progress(&self, ticket: u32, params: &str) {
        self.send(ticket, Kind::Progress, Either3::A(params.to_owned()));
    }

    /// Calls a method of an object.
    pub(crate) fn ask(&self, call: u32, part: &str, method: &str, arguments: &SecretValue) {
        // Part and method are words of ours, without anything that JSON would escape.
        let text = format!("[\"{part}\",\"{method}\",{}]", arguments.expose());
        self.send(call, Kind::Ask, Either3::A(text));
    }

    /// Says that nobody waits any longer for the answer to a call of an object.
    pub(crate) fn late(&self, call: u32) {
        self.send(call, Kind::Late, Either3::C(Null));
    }

    fn send(&self, ticket: u32, kind: Kind, payload: Payload) {
        // An environment that is ending takes no letters, and nobody there waits for one.
        let _ = self.0.call(Letter { ticket, kind, payload }, ThreadsafeFunctionCallMode::NonBlocking);
    }
}
