//! Streamable HTTP: sessions, answers, streams.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::http::{OTHER_TOKEN, Server, connect, send};
use crate::stream::{call, initialize};

crate::tests![
    a_session_is_opened_used_and_ended,
    what_belongs_to_no_session_is_refused,
    another_principal_does_not_see_the_session,
    another_profile_does_not_see_the_session,
    profiles_have_hosts_of_their_own,
    headers_are_checked,
    versions_are_checked,
    requests_that_stand_alone_need_no_session,
    what_is_no_message_is_answered,
    notifications_and_answers_are_accepted,
    an_answer_alone_is_plain_json,
    progress_makes_the_answer_a_stream,
    the_client_is_asked_on_the_stream_of_its_call,
    a_question_of_no_call_goes_to_the_session_stream,
    what_came_before_the_session_stream_is_not_lost,
    a_newer_session_stream_replaces_the_older,
    a_call_goes_on_when_its_client_is_gone,
    a_lost_stream_is_resumed_where_it_was,
    a_stream_that_is_not_kept_cannot_be_resumed,
    a_batch_is_for_one_version_only,
    calls_of_a_batch_run_at_the_same_time,
    an_id_in_use_is_refused,
    a_request_over_the_bound_is_refused,
    ending_a_session_ends_its_calls_and_streams,
    a_refused_handshake_leaves_no_session,
    a_client_that_leaves_during_the_handshake_leaves_no_session,
    one_connection_carries_many_requests,
    fifty_sessions_at_once,
];

async fn a_session_is_opened_used_and_ended() {
    let server = Server::start().await;
    let reply = server.post(&initialize("2025-06-18")).send().await;
    let session = reply.header("mcp-session-id").unwrap().to_owned();
    assert!(session.len() >= 32 && session.bytes().all(|byte| byte.is_ascii_graphic()), "{session}");
    let answer = reply.json().await;
    assert_eq!((&answer["id"], &answer["result"]["protocolVersion"]), (&json!(0), &json!("2025-06-18")));
    let answer = server.call(&session, "x", "echo", json!({"text": "hello"})).send().await.json().await;
    assert_eq!((&answer["id"], &answer["result"]["content"][0]["text"]), (&json!("x"), &json!("hello")));
    assert_eq!(*server.host.principals.lock().unwrap(), ["ann"]);
    assert!(server.ask("DELETE", "/mcp").header("mcp-session-id", &session).status().await < 300);
    server.host.until("closed", |host| &host.closed, 1).await;
    assert_eq!(server.call(&session, 2, "echo", json!({})).status().await, 404);
    assert_eq!(server.listen(&session).status().await, 404);
    assert_eq!(server.ask("DELETE", "/mcp").header("mcp-session-id", &session).status().await, 404);
}

async fn what_belongs_to_no_session_is_refused() {
    let server = Server::start().await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    for message in [&ping, &initialized] {
        assert_eq!(server.post(message).status().await, 400);
        assert_eq!(server.post(message).header("mcp-session-id", "0123456789abcdef").status().await, 404);
        assert_eq!(server.post(message).header("mcp-session-id", "../\u{e9}").status().await, 404);
    }
    assert_eq!(server.ask("GET", "/mcp").status().await, 400);
    assert_eq!(server.ask("DELETE", "/mcp").status().await, 400);
    assert_eq!(server.ask("PUT", "/mcp").status().await, 405);
    assert_eq!(server.ask("GET", "/other").status().await, 404);
}

async fn another_principal_does_not_see_the_session() {
    let server = Server::start().await;
    let session = server.session().await;
    let bob = format!("Bearer {OTHER_TOKEN}");
    assert_eq!(server.call(&session, 1, "echo", json!({})).header("authorization", &bob).status().await, 404);
    assert_eq!(server.listen(&session).header("authorization", &bob).status().await, 404);
    let delete = server.ask("DELETE", "/mcp").header("mcp-session-id", &session);
    assert_eq!(delete.header("authorization", &bob).status().await, 404);
    assert_eq!(server.call(&session, 1, "echo", json!({})).status().await, 200, "ann still has it");
}

async fn another_profile_does_not_see_the_session() {
    let server = Server::start().await;
    let session = server.session().await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    for (path, status) in [("/profiles/first/mcp", 200), ("/profiles/second/mcp", 404), ("/profiles/third/mcp", 404)] {
        let ask = server.ask("POST", path).json(&ping).header("mcp-session-id", &session);
        assert_eq!(ask.status().await, status, "{path}");
    }
}

async fn profiles_have_hosts_of_their_own() {
    let server = Server::start().await;
    for path in ["/mcp", "/profiles/first/mcp", "/profiles/second/mcp"] {
        assert_eq!(server.ask("POST", path).json(&initialize("2025-11-25")).status().await, 200, "{path}");
    }
    assert_eq!(server.host.count(|host| &host.opened), 2);
    assert_eq!(server.second.count(|host| &host.opened), 1);
}

async fn headers_are_checked() {
    let server = Server::start().await;
    let message = initialize("2025-11-25");
    for (accept, status) in [
        ("*/*", 200),
        ("application/*, text/*", 200),
        ("text/event-stream;q=0.5, Application/JSON", 200),
        ("application/json", 406),
        ("text/event-stream", 406),
        ("text/html", 406),
    ] {
        assert_eq!(server.post(&message).header("accept", accept).status().await, status, "{accept}");
    }
    assert_eq!(server.post(&message).without("accept").status().await, 406);
    for (content, status) in [
        ("application/json; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonp", 415),
    ] {
        assert_eq!(server.post(&message).header("content-type", content).status().await, status, "{content}");
    }
    assert_eq!(server.post(&message).without("content-type").status().await, 415);
    let session = server.session().await;
    assert_eq!(server.listen(&session).header("accept", "application/json").status().await, 406);
}

async fn versions_are_checked() {
    let server = Server::start().await;
    let session = server.session().await;
    let version = |version| server.call(&session, 1, "echo", json!({})).header("mcp-protocol-version", version);
    for known in ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] {
        assert_eq!(version(known).status().await, 200, "{known}");
    }
    for unknown in ["2025-01-01", "x", ""] {
        assert_eq!(version(unknown).status().await, 400, "{unknown}");
    }
    let reply = server.post(&initialize("1999-01-01")).send().await.json().await;
    assert_eq!(
        reply["result"]["protocolVersion"], "2025-11-25",
        "a client of an unknown version is offered the newest"
    );
}

/// A request that stands alone is answered without a session of its own, with the status that its error has.
async fn requests_that_stand_alone_need_no_session() {
    let server = Server::start().await;
    let params = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
    let discover = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": params});
    let ask =
        server.post(&discover).header("mcp-protocol-version", "2026-07-28").header("mcp-method", "server/discover");
    let reply = ask.send().await;
    assert_eq!(reply.status(), 404);
    let answer = reply.json().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!(-32601)));
    let call = json!({"name": "echo", "arguments": {"text": "hi"}, "_meta": params["_meta"]});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call});
    for _ in 0..2 {
        let reply = server.post(&call).header("mcp-protocol-version", "2026-07-28").send().await;
        assert_eq!(reply.header("mcp-session-id"), None);
        assert_eq!(reply.json().await["result"]["content"][0]["text"], "hi");
    }
    assert_eq!(server.host.count(|host| &host.opened), 1, "one for everyone who comes as this principal");
    for method in ["GET", "DELETE"] {
        let reply = server.ask(method, "/mcp").header("mcp-protocol-version", "2026-07-28").send().await;
        assert_eq!((reply.status(), reply.header("allow")), (405, Some("POST")));
    }
}

async fn what_is_no_message_is_answered() {
    let server = Server::start().await;
    let session = server.session().await;
    for (body, code) in
        [("hello", -32700), ("{", -32700), ("", -32700), ("{}", -32600), ("7", -32600), (" [] ", -32600)]
    {
        let reply = server.ask("POST", "/mcp").body(body).header("mcp-session-id", &session).send().await;
        assert_eq!(reply.status(), 400, "{body:?}");
        let answer = reply.json().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!(code)), "{body:?}");
    }
    let reply = server.ask("POST", "/mcp").body(vec![0xff, 0xfe]).header("mcp-session-id", &session).send().await;
    assert_eq!(reply.json().await["error"]["code"], -32700);
}

async fn notifications_and_answers_are_accepted() {
    let server = Server::start().await;
    let session = server.session().await;
    for message in [
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 99, "result": {}}),
        json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "x"}}),
    ] {
        let reply = server.post(&message).header("mcp-session-id", &session).send().await;
        assert_eq!((reply.status(), reply.text().await.as_str()), (202, ""), "{message}");
    }
    assert_eq!(*server.host.notifications.lock().unwrap(), ["notifications/initialized"]);
}

async fn an_answer_alone_is_plain_json() {
    let server = Server::start().await;
    let session = server.session().await;
    let mut connection = connect(TcpStream::connect(server.address).await.unwrap()).await;
    for id in 0..300 {
        let reply = send(&mut connection, server.call(&session, id, "echo", json!({"text": "x"}))).await;
        assert_eq!(reply.json().await["id"], id);
    }
}

async fn progress_makes_the_answer_a_stream() {
    let server = Server::start().await;
    let session = server.session().await;
    let mut events = server.progress(&session, 7, 3).send().await.events();
    let mut ids = Vec::new();
    for progress in 1..=3 {
        let event = events.next().await.unwrap();
        assert_eq!(event.name, "message");
        assert_eq!(event.json()["params"], json!({"progressToken": "p", "progress": progress, "total": 3}));
        ids.push(event.id.unwrap());
    }
    server.host.gate.add_permits(1);
    let last = events.next().await.unwrap();
    ids.push(last.id.clone().unwrap());
    assert_eq!(last.json()["id"], 7);
    assert!(events.next().await.is_none(), "the stream ends with the answer");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "every event has an id of its own");
}

async fn the_client_is_asked_on_the_stream_of_its_call() {
    let server = Server::start().await;
    let session = server.session().await;
    let mut events = server.call(&session, 1, "ask", json!({})).send().await.events();
    let question = events.message().await;
    assert_eq!(question["method"], "roots/list");
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": []}});
    assert_eq!(server.post(&answer).header("mcp-session-id", &session).status().await, 202);
    assert_eq!(events.message().await["result"]["content"][0]["text"], r#"{"roots":[]}"#);
}

async fn a_question_of_no_call_goes_to_the_session_stream() {
    let server = Server::start().await;
    let session = server.session().await;
    let mut events = server.listen(&session).send().await.events();
    let link = server.host.link();
    let asked = tokio::spawn(async move { link.request("roots/list", None).await });
    let question = events.message().await;
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "error": {"code": -32601, "message": "no"}});
    assert_eq!(server.post(&answer).header("mcp-session-id", &session).status().await, 202);
    assert_eq!(asked.await.unwrap().unwrap().unwrap_err().code, -32601);
}

async fn what_came_before_the_session_stream_is_not_lost() {
    let server = Server::start().await;
    let session = server.session().await;
    let link = server.host.link();
    link.notify("notifications/one", None).await.unwrap();
    let mut events = server.listen(&session).send().await.events();
    assert_eq!(events.message().await["method"], "notifications/one");
    link.notify("notifications/two", None).await.unwrap();
    assert_eq!(events.message().await["method"], "notifications/two");
    drop(events);
    // A client that comes back without an event id has seen what was sent to it.
    let mut events = server.listen(&session).send().await.events();
    link.notify("notifications/three", None).await.unwrap();
    assert_eq!(events.message().await["method"], "notifications/three");
}

async fn a_newer_session_stream_replaces_the_older() {
    let server = Server::start().await;
    let session = server.session().await;
    let mut older = server.listen(&session).send().await.events();
    let mut newer = server.listen(&session).send().await.events();
    assert!(older.next().await.is_none());
    server.host.link().notify("notifications/x", None).await.unwrap();
    assert_eq!(newer.message().await["method"], "notifications/x");
}

async fn a_call_goes_on_when_its_client_is_gone() {
    let server = Server::start().await;
    let session = server.session().await;
    let asked = tokio::spawn(server.call(&session, 1, "wait", json!({})).send());
    server.host.until("it runs", |host| &host.running, 1).await;
    asked.abort();
    assert!(asked.await.is_err());
    server.host.gate.add_permits(1);
    server.host.until("it is done", |host| &host.running, 0).await;
    assert_eq!(server.host.count(|host| &host.dropped), 0, "it was not cancelled");
}

async fn a_lost_stream_is_resumed_where_it_was() {
    let server = Server::start().await;
    let session = server.session().await;
    let mut events = server.progress(&session, 1, 3).send().await.events();
    let first = events.next().await.unwrap();
    drop(events);
    server.host.gate.add_permits(1);
    server.host.until("it is done", |host| &host.running, 0).await;
    let resume = server.listen(&session).header("last-event-id", first.id.as_deref().unwrap());
    let mut events = resume.send().await.events();
    assert_eq!(events.message().await["params"]["progress"], 2);
    assert_eq!(events.message().await["params"]["progress"], 3);
    assert_eq!(events.message().await["id"], 1);
    assert!(events.next().await.is_none());
}

async fn a_stream_that_is_not_kept_cannot_be_resumed() {
    let server = Server::start().await;
    let session = server.session().await;
    for id in ["77-1", "x", "1", "-", "99999999999999999999-1"] {
        let status = server.listen(&session).header("last-event-id", id).status().await;
        assert!((400..500).contains(&status), "{id}: {status}");
    }
}

async fn a_batch_is_for_one_version_only() {
    let server = Server::start().await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/x"},
        {"jsonrpc": "1.0"},
        call(2, "echo", json!({"text": "x"})),
    ]);
    let session = server.session_of("2025-03-26").await;
    let answers = server.post(&batch).header("mcp-session-id", &session).send().await.json().await;
    assert_eq!(answers.as_array().unwrap().len(), 3, "{answers}");
    for id in [json!(1), json!(2), Value::Null] {
        assert!(answers.as_array().unwrap().iter().any(|answer| answer["id"] == id), "{answers}");
    }
    let told = json!([{"jsonrpc": "2.0", "method": "notifications/x"}]);
    assert_eq!(server.post(&told).header("mcp-session-id", &session).status().await, 202);
    assert_eq!(server.post(&json!([])).header("mcp-session-id", &session).status().await, 400);
    for version in ["2025-06-18", "2025-11-25", "2024-11-05"] {
        let session = server.session_of(version).await;
        let reply = server.post(&batch).header("mcp-session-id", &session).send().await;
        assert_eq!(reply.status(), 400, "{version}");
        assert_eq!(reply.json().await["error"]["code"], -32600);
    }
}

async fn calls_of_a_batch_run_at_the_same_time() {
    let server = Server::start().await;
    let session = server.session_of("2025-03-26").await;
    let batch = json!([call(1, "wait", json!({})), call(2, "wait", json!({})), call(3, "progress", json!({}))]);
    let asked = tokio::spawn(server.post(&batch).header("mcp-session-id", &session).send());
    server.host.until("both run", |host| &host.running, 2).await;
    server.host.gate.add_permits(2);
    assert_eq!(asked.await.unwrap().json().await.as_array().unwrap().len(), 3);
}

async fn an_id_in_use_is_refused() {
    let server = Server::start().await;
    let session = server.session().await;
    let first = tokio::spawn(server.call(&session, 1, "wait", json!({})).send());
    server.host.until("it runs", |host| &host.running, 1).await;
    let answer = server.call(&session, 1, "echo", json!({})).send().await.json().await;
    assert_eq!(answer["error"]["code"], -32600);
    server.host.gate.add_permits(1);
    assert_eq!(first.await.unwrap().json().await["result"]["content"][0]["text"], "done");
}

async fn a_request_over_the_bound_is_refused() {
    let server = Server::start().await;
    let session = server.session().await;
    let calls: Vec<_> = (0..128).map(|id| tokio::spawn(server.call(&session, id, "wait", json!({})).send())).collect();
    server.host.until("all run", |host| &host.running, 128).await;
    let answer = server.call(&session, 128, "echo", json!({})).send().await.json().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(128), &json!(-32003)));
    server.host.gate.add_permits(128);
    for call in calls {
        assert_eq!(call.await.unwrap().status(), 200);
    }
}

async fn ending_a_session_ends_its_calls_and_streams() {
    let server = Server::start().await;
    let session = server.session().await;
    let mut stream = server.listen(&session).send().await.events();
    let call = tokio::spawn(server.call(&session, 1, "wait", json!({})).send());
    server.host.until("it runs", |host| &host.running, 1).await;
    server.ask("DELETE", "/mcp").header("mcp-session-id", &session).send().await;
    assert!(stream.next().await.is_none());
    call.await.unwrap();
    server.host.until("it is cancelled", |host| &host.running, 0).await;
}

async fn a_refused_handshake_leaves_no_session() {
    let server = Server::with_config(|config| config.max_sessions = 1).await;
    let nonsense = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}});
    let reply = server.post(&nonsense).send().await;
    assert!(reply.header("mcp-session-id").is_none());
    assert!(reply.json().await["error"].is_object());
    server.host.until("closed", |host| &host.closed, server.host.count(|host| &host.opened)).await;
    server.session().await;
}

async fn a_client_that_leaves_during_the_handshake_leaves_no_session() {
    let server = Server::with_config(|config| config.max_sessions = 1).await;
    server.host.greets_late.store(true, Ordering::SeqCst);
    let asked = tokio::spawn(server.post(&initialize("2025-11-25")).send());
    server.host.until("it runs", |host| &host.running, 1).await;
    asked.abort();
    server.host.until("closed", |host| &host.closed, 1).await;
    server.host.greets_late.store(false, Ordering::SeqCst);
    server.session().await;
}

async fn one_connection_carries_many_requests() {
    let server = Server::start().await;
    let session = server.session().await;
    let mut connection = connect(TcpStream::connect(server.address).await.unwrap()).await;
    for _ in 0..3 {
        for ask in [
            server.call(&session, 1, "echo", json!({"text": "x"})),
            server.post(&json!({"jsonrpc": "2.0", "method": "notifications/x"})).header("mcp-session-id", &session),
            server.ask("GET", "/health"),
            server.post(&initialize("x")).header("authorization", "Bearer wrong"),
        ] {
            let reply = send(&mut connection, ask).await;
            assert_ne!(reply.header("connection"), Some("close"));
            reply.text().await;
        }
    }
}

async fn fifty_sessions_at_once() {
    let server = Arc::new(Server::start().await);
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..50 {
        let server = Arc::clone(&server);
        clients.spawn(async move {
            let session = server.session().await;
            let call = tokio::spawn(server.call(&session, 1, "wait", json!({})).send());
            let text = format!("from {number}");
            let answer = server.call(&session, 2, "echo", json!({"text": text})).send().await.json().await;
            assert_eq!(answer["result"]["content"][0]["text"], text);
            call.await.unwrap().json().await
        });
    }
    server.host.until("all wait", |host| &host.running, 50).await;
    server.host.gate.add_permits(50);
    while let Some(answer) = clients.join_next().await {
        assert_eq!(answer.unwrap()["result"]["content"][0]["text"], "done");
    }
    assert_eq!(server.host.count(|host| &host.opened), 50);
}
