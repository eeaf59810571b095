//! The report as one page.

use std::fmt::Write as _;

use super::report::{AuditReport, Entries, Entry, Uses};
use crate::util::clock;

/// The longest text in a cell; the JSON form has all of it.
const MAX_CELL: usize = 2_000;

const STYLE: &str = "body{font:14px/1.45 system-ui,sans-serif;color:#1b1f24;margin:2rem auto;max-width:72rem;padding:0 1rem}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #ccd}h3{font-size:1rem;margin-bottom:.3rem}\
table{border-collapse:collapse;width:100%;margin:.5rem 0}th,td{border:1px solid #ccd;padding:.25rem .5rem;text-align:left;\
vertical-align:top;overflow-wrap:anywhere}th{background:#f1f3f7}code,td.raw{font-family:ui-monospace,monospace;font-size:12px}\
.good{color:#116329}.bad{color:#a40e26;font-weight:600}.note{color:#57606a}\
@media print{body{margin:0;max-width:none;font-size:11px}h2{break-after:avoid}tr{break-inside:avoid}}";

/// The page.
pub(super) fn page(report: &AuditReport) -> String {
    let mut page = String::new();
    let profile = report.profile.as_ref().map_or("(no records)", |profile| profile.as_str());
    push(
        &mut page,
        format_args!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Audit report: {name}</title><style>{STYLE}</style></head><body>\n<h1>Audit report of profile {name}</h1>\n",
            name = escape(profile),
        ),
    );
    let since = report.since.map_or_else(|| "the beginning".to_owned(), clock::rfc3339);
    push(
        &mut page,
        format_args!(
            "<p>From {} to {}, {} records.</p>\n",
            escape(&since),
            clock::rfc3339(report.until),
            report.records
        ),
    );
    integrity(&mut page, report);
    servers(&mut page, report);
    people(&mut page, report);
    for (title, list) in report.lists() {
        entries(&mut page, title, list);
    }
    secrets(&mut page, report);
    page.push_str("</body></html>\n");
    page
}

fn integrity(page: &mut String, report: &AuditReport) {
    let found = &report.integrity;
    page.push_str("<h2>Integrity</h2>\n");
    if found.intact {
        page.push_str("<p class=\"good\">The chain of records is intact.</p>\n");
    } else {
        push(
            page,
            format_args!(
                "<p class=\"bad\">The trail is not what was written: {} faults.</p>\n<ul>\n",
                found.faults.len()
            ),
        );
        for fault in &found.faults {
            let at = fault.sequence.map(|sequence| format!("record {sequence}: ")).unwrap_or_default();
            push(page, format_args!("<li>{}{}</li>\n", escape(&at), escape(&fault.message)));
        }
        page.push_str("</ul>\n");
    }
    let signed = found.signed_up_to.map_or_else(|| "none".to_owned(), |last| format!("up to record {last}"));
    let head = found.head.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    push(
        page,
        format_args!(
            "<table><tr><th>Records in the trail</th><td>{}</td></tr><tr><th>Signed</th><td>{}</td></tr>\
         <tr><th>Keys</th><td class=\"raw\">{}</td></tr><tr><th>Newest record</th><td class=\"raw\">{}</td></tr></table>\n",
            found.records,
            escape(&signed),
            escape(&found.keys.join(" ")),
            escape(&head)
        ),
    );
}

fn servers(page: &mut String, report: &AuditReport) {
    page.push_str("<h2>Servers</h2>\n");
    if report.servers.is_empty() {
        page.push_str("<p class=\"note\">None was used.</p>\n");
    }
    for (name, server) in &report.servers {
        push(page, format_args!("<h3>{}</h3>\n", escape(name)));
        if server.added.is_empty() {
            page.push_str("<p class=\"note\">No record says who added it.</p>\n");
        }
        for (what, list) in [("Added", &server.added), ("Removed", &server.removed)] {
            for entry in list {
                let how = entry.detail.as_ref().and_then(|detail| detail.get("by")).and_then(|by| by.as_str());
                push(
                    page,
                    format_args!(
                        "<p>{what} {} by {}{}.</p>\n",
                        clock::rfc3339(entry.time),
                        escape(&entry.who()),
                        escape(&how.map(|how| format!(", {how}")).unwrap_or_default())
                    ),
                );
            }
        }
        if let Some(allowed) = &server.allowed {
            page.push_str("<table><tr><th colspan=\"2\">What it was allowed</th></tr>\n");
            match allowed.as_object() {
                Some(parts) => parts.iter().for_each(|(key, value)| {
                    push(
                        page,
                        format_args!(
                            "<tr><td>{}</td><td class=\"raw\">{}</td></tr>\n",
                            escape(key),
                            escape(&value.to_string())
                        ),
                    );
                }),
                None => push(page, format_args!("<tr><td colspan=\"2\">{}</td></tr>\n", escape(&allowed.to_string()))),
            }
            page.push_str("</table>\n");
        }
        push(page, format_args!("<p>Started {} times, asked {} times.</p>\n", server.starts, server.uses.count));
        let rows = server.tools.iter().map(|(tool, uses)| (tool.as_str(), uses));
        table(page, "Tool, prompt or resource", rows);
    }
}

fn people(page: &mut String, report: &AuditReport) {
    page.push_str("<h2>Who asked</h2>\n");
    table(page, "Principal", report.principals.iter().map(|(name, uses)| (name.as_str(), uses)));
}

fn secrets(page: &mut String, report: &AuditReport) {
    page.push_str("<h2>Uses of secrets</h2>\n");
    table(page, "Server and name", report.secrets.iter().map(|(name, uses)| (name.as_str(), uses)));
}

fn table<'a>(page: &mut String, title: &str, rows: impl Iterator<Item = (&'a str, &'a Uses)>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        page.push_str("<p class=\"note\">None.</p>\n");
        return;
    }
    push(
        page,
        format_args!(
            "<table><tr><th>{title}</th><th>Times</th><th>Refused</th><th>Failed</th><th>Last</th><th>By</th></tr>\n"
        ),
    );
    for (name, uses) in rows {
        let by = uses.by.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        push(
            page,
            format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                escape(name),
                uses.count,
                uses.denied,
                uses.failed,
                uses.last.map(clock::rfc3339).unwrap_or_default(),
                escape(&by)
            ),
        );
    }
    page.push_str("</table>\n");
}

fn entries(page: &mut String, title: &str, list: &Entries) {
    push(page, format_args!("<h2>{title}</h2>\n"));
    if list.entries.is_empty() {
        page.push_str("<p class=\"note\">None.</p>\n");
        return;
    }
    page.push_str("<table><tr><th>Record</th><th>Time</th><th>Who</th><th>What</th><th>On</th><th>Outcome</th><th>Why</th></tr>\n");
    for entry in &list.entries {
        let outcome = entry.effect.map_or_else(
            || entry.outcome.as_str().to_owned(),
            |effect| format!("{} ({})", entry.outcome.as_str(), effect.as_str()),
        );
        push(
            page,
            format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                entry.sequence,
                clock::rfc3339(entry.time),
                escape(&entry.who()),
                escape(&entry.action),
                escape(&target(entry)),
                escape(&outcome),
                escape(&why(entry))
            ),
        );
    }
    page.push_str("</table>\n");
    if list.omitted > 0 {
        push(page, format_args!("<p class=\"bad\">{} more are not shown.</p>\n", list.omitted));
    }
}

fn target(entry: &Entry) -> String {
    match (&entry.server, &entry.name) {
        (Some(server), Some(name)) => format!("{server}.{name}"),
        (one, other) => one.clone().or_else(|| other.clone()).unwrap_or_default(),
    }
}

fn why(entry: &Entry) -> String {
    let rule = entry.rule.as_ref().filter(|rule| !rule.is_empty()).map(|rule| format!("rule {rule}"));
    let said: Vec<String> = rule.into_iter().chain(entry.reason.clone()).collect();
    if said.is_empty() {
        return entry.detail.as_ref().map(ToString::to_string).unwrap_or_default();
    }
    said.join(": ")
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a text does not fail.
    let _ = page.write_fmt(text);
}

/// A text that cannot be markup, and cannot make a reader see another text than it is.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (number, c) in text.chars().enumerate() {
        if number == MAX_CELL {
            safe.push('…');
            break;
        }
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Characters that steer how others are shown.
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                push(&mut safe, format_args!("\\u{{{:x}}}", u32::from(c)));
            }
            '\n' | '\t' => safe.push(' '),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
