//! The pages as a browser shows them: without scripts, styles or anything from elsewhere.

use super::form::Form;
use crate::approval::visible_line;
use crate::model::ProfileName;
use crate::transport::server::http::Page;

/// What describes a server or a secret is shown no longer than this.
const LONGEST: usize = 300;

pub(super) fn form(form: &Form, profile: &ProfileName) -> Page {
    let mut body = format!("<h1>Secrets for server <code>{}</code></h1>\n<dl>\n", text(form.server.as_str()));
    let about = [("Title", form.title.as_deref()), ("Publisher", form.publisher.as_deref())];
    for (what, said) in about.into_iter().chain([("Profile", Some(profile.as_str()))]) {
        body.push_str(&format!("<dt>{what}</dt><dd>{}</dd>\n", text(said.unwrap_or("not known"))));
    }
    body.push_str(
        "</dl>\n<p>An agent has added this server, which cannot start without these secrets. What you type is kept by the \
         gateway and given to this server; the agent does not see it. Close this window if you do not know why you are \
         asked.</p>\n<form method=\"post\" autocomplete=\"off\">\n",
    );
    for (at, secret) in form.secrets.iter().enumerate() {
        let field = Form::field(at);
        body.push_str(&format!("<p><label for=\"{field}\"><code>{}</code></label>", text(&secret.name)));
        if let Some(description) = &secret.description {
            body.push_str(&format!("<br>{}", text(description)));
        }
        if let Some(key) = secret.key() {
            body.push_str(&format!("<br><small>kept as <code>{}</code></small>", text(&key.to_string())));
        }
        body.push_str(&format!(
            "<br><input id=\"{field}\" name=\"{field}\" type=\"password\" required autocomplete=\"off\" \
             autocapitalize=\"off\" spellcheck=\"false\"></p>\n"
        ));
    }
    body.push_str("<button type=\"submit\">Keep</button>\n</form>\n");
    page(200, &body)
}

pub(super) fn kept(form: &Form) -> Page {
    let server = text(form.server.as_str());
    page(200, &format!("<p>Server <code>{server}</code> has what it needs. You can close this window.</p>\n"))
}

pub(super) fn failed(form: &Form) -> Page {
    let server = text(form.server.as_str());
    page(
        500,
        &format!(
            "<p>Not everything for server <code>{server}</code> could be kept; the gateway's log says why. The agent's answer \
             names the command that sets a secret. You can close this window.</p>\n"
        ),
    )
}

pub(super) fn wrong() -> Page {
    page(
        400,
        "<p>Nothing was kept: each field needs a value, and nothing else can be set here. Go back, and try again.</p>\n",
    )
}

pub(super) fn gone() -> Page {
    page(404, "<p>There is no such page, or it was used already, or its time is up. You can close this window.</p>\n")
}

fn page(status: u16, body: &str) -> Page {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>MCP Gateway</title>\n</head>\n<body>\n{body}</body>\n\
         </html>\n"
    );
    Page { status, html }
}

/// A text of strangers on one line, of which nothing is markup and nothing hidden.
fn text(said: &str) -> String {
    let short: String = said.chars().take(LONGEST).collect();
    let mut shown = String::with_capacity(short.len());
    for c in visible_line(&short).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            c => shown.push(c),
        }
    }
    if short.len() < said.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_is_markup_or_hidden() {
        assert_eq!(text("<b a='1' b=\"2\">&\u{202e}x\n"), "&lt;b a=&#39;1&#39; b=&quot;2&quot;&gt;&amp;\\u{202e}x\\n");
        assert_eq!(text(&"é".repeat(LONGEST + 1)), format!("{}…", "é".repeat(LONGEST)));
    }
}
