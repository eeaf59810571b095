//! What a trail says about a time: for whoever has to answer for it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::Verification;
use super::export::csv;
use super::html;
use crate::audit::{AuditRecord, Outcome};
use crate::model::{Effect, ProfileName};
use crate::util::clock;

/// The most entries of one list; how many more there are is said.
const MAX_ENTRIES: usize = 10_000;

/// What a trail says about a time.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuditReport {
    /// The profile, once there is a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// From when on, in milliseconds since the Unix epoch; from the beginning where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Until when: the moment in which it was made.
    pub until: i64,
    /// How many records it is made of.
    pub records: u64,
    /// Whether the trail is what was written.
    pub integrity: Verification,
    /// The servers that were used or changed, by name.
    pub servers: BTreeMap<String, ServerUse>,
    /// Who used them.
    pub principals: BTreeMap<String, Uses>,
    /// What was asked of people, and what they answered.
    pub approvals: Entries,
    /// What was refused.
    pub denials: Entries,
    /// Connections that servers were refused.
    pub egress_denials: Entries,
    /// Uses of secrets, by server and name; never a value.
    pub secrets: BTreeMap<String, Uses>,
    /// Changes of the configuration.
    pub changes: Entries,
    /// What the trail says of itself: parts that were dropped, spilled or torn.
    pub trail: Entries,
}

/// How often something was used.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Uses {
    /// How often, in all.
    pub count: u64,
    /// How often it was refused.
    pub denied: u64,
    /// How often it failed otherwise.
    pub failed: u64,
    /// The first time, in milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<i64>,
    /// The last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<i64>,
    /// By whom.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub by: BTreeSet<String>,
}

/// One server.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServerUse {
    /// When it was added and by whom, before the report's time, too.
    pub added: Vec<Entry>,
    /// When it was removed and by whom.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Entry>,
    /// What it was allowed when it was last started or added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Value>,
    /// How often it was started.
    pub starts: u64,
    /// What was asked of it.
    pub uses: Uses,
    /// Its tools, prompts and resources, by name.
    pub tools: BTreeMap<String, Uses>,
    /// Whether it belongs into the report: it was used or changed in its time.
    #[serde(skip)]
    in_time: bool,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Entry {
    /// The record.
    pub sequence: u64,
    /// When, in milliseconds since the Unix epoch.
    pub time: i64,
    /// Who.
    pub principal: String,
    /// What.
    pub action: String,
    /// The server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The tool, prompt, resource or other thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What policy decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why, as the rule or the person said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What else the record says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// A list with its bound.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Entries {
    /// The first so many.
    pub entries: Vec<Entry>,
    /// How many more there are.
    pub omitted: u64,
}

/// Takes in records and makes the report.
#[derive(Debug)]
pub(super) struct Reporter(AuditReport);

impl Reporter {
    pub(super) fn new(since: Option<i64>) -> Self {
        Self(AuditReport {
            profile: None,
            since,
            until: clock::now_millis(),
            records: 0,
            integrity: Verification::empty(),
            servers: BTreeMap::new(),
            principals: BTreeMap::new(),
            approvals: Entries::default(),
            denials: Entries::default(),
            egress_denials: Entries::default(),
            secrets: BTreeMap::new(),
            changes: Entries::default(),
            trail: Entries::default(),
        })
    }

    pub(super) fn record(&mut self, record: &AuditRecord) {
        let report = &mut self.0;
        let event = &record.event;
        report.profile.get_or_insert_with(|| event.profile.clone());
        let in_time = report.since.is_none_or(|since| event.time >= since);
        let noun = event.action.split('/').next().unwrap_or_default();
        // Who added a server counts however long ago it was.
        if noun == "server"
            && let Some(server) = &event.server
        {
            report.servers.entry(server.to_string()).or_default().of_itself(record, in_time);
        }
        if !in_time {
            return;
        }
        report.records += 1;
        match noun {
            "server" if event.action.ends_with("/start") || event.action.ends_with("/stop") => {}
            "server" | "config" | "oauth" => report.changes.push(record),
            "secret" if event.action != "secret/use" => report.changes.push(record),
            "approval" => report.approvals.push(record),
            "egress" => report.egress_denials.push(record),
            "audit" => {
                if event.action != "audit/checkpoint" {
                    report.trail.push(record);
                }
            }
            "secret" => {
                let server = event.server.as_ref().map_or("", |server| server.as_str());
                let name = event.name.as_deref().unwrap_or_default();
                report.secrets.entry(format!("{server}: {name}")).or_default().count(record);
            }
            _ => {
                report.principals.entry(event.principal.clone()).or_default().count(record);
                if let Some(server) = &event.server {
                    let server = report.servers.entry(server.to_string()).or_default();
                    server.in_time = true;
                    server.uses.count(record);
                    let name = event.name.clone().unwrap_or_else(|| event.action.clone());
                    server.tools.entry(name).or_default().count(record);
                }
                let asks = |effect| matches!(effect, Effect::SoftConfirm | Effect::HardConfirm);
                if event.decision.as_ref().is_some_and(|decision| asks(decision.effect)) {
                    report.approvals.push(record);
                }
            }
        }
        if matches!(event.outcome, Outcome::Denied | Outcome::Limited) && noun != "egress" {
            report.denials.push(record);
        }
    }

    pub(super) fn finish(mut self, integrity: Verification) -> AuditReport {
        self.0.servers.retain(|_, server| server.in_time);
        self.0.integrity = integrity;
        self.0
    }
}

impl ServerUse {
    /// A start, an addition, a removal.
    fn of_itself(&mut self, record: &AuditRecord, in_time: bool) {
        let event = &record.event;
        self.in_time |= in_time;
        let is_done = event.outcome == Outcome::Ok;
        let said = |key: &str| event.detail.as_ref().and_then(|detail| detail.get(key)).cloned();
        match event.action.as_str() {
            "server/add" if is_done => {
                push_bounded(&mut self.added, record);
                self.allowed = said("settings");
            }
            "server/remove" if is_done => push_bounded(&mut self.removed, record),
            "server/start" if in_time && is_done => {
                self.starts += 1;
                self.allowed = event.detail.clone().or_else(|| self.allowed.take());
            }
            _ => {}
        }
    }
}

fn push_bounded(list: &mut Vec<Entry>, record: &AuditRecord) {
    if list.len() < MAX_ENTRIES {
        list.push(Entry::of(record));
    }
}

impl Uses {
    fn count(&mut self, record: &AuditRecord) {
        let event = &record.event;
        self.count += 1;
        match event.outcome {
            Outcome::Ok => {}
            Outcome::Denied | Outcome::Limited => self.denied += 1,
            _ => self.failed += 1,
        }
        self.first.get_or_insert(event.time);
        self.last = Some(event.time);
        if self.by.len() < MAX_ENTRIES {
            self.by.insert(event.principal.clone());
        }
    }
}

impl Entries {
    fn push(&mut self, record: &AuditRecord) {
        if self.entries.len() < MAX_ENTRIES {
            self.entries.push(Entry::of(record));
        } else {
            self.omitted += 1;
        }
    }
}

impl Entry {
    fn of(record: &AuditRecord) -> Self {
        let event = &record.event;
        let decision = event.decision.as_ref();
        let said = |key: &str| event.detail.as_ref()?.get(key)?.as_str().map(str::to_owned);
        let reason = said("reason").or_else(|| decision.map(|decision| decision.reason.clone()));
        Self {
            sequence: record.sequence,
            time: event.time,
            principal: event.principal.clone(),
            action: event.action.clone(),
            server: event.server.as_ref().map(ToString::to_string),
            name: event.name.clone(),
            outcome: event.outcome,
            effect: decision.map(|decision| decision.effect),
            rule: decision.map(|decision| decision.rule.clone()),
            reason: reason.filter(|reason| !reason.is_empty()).or_else(|| event.error.clone()),
            detail: event.detail.clone(),
        }
    }

    /// Who did it: the person that the record names, or the principal.
    pub(super) fn who(&self) -> String {
        let said = |key: &str| self.detail.as_ref()?.get(key)?.as_str();
        match said("who").or_else(|| said("user")) {
            Some(who) if who != self.principal => format!("{} ({who})", self.principal),
            _ => self.principal.clone(),
        }
    }
}

impl AuditReport {
    /// The lists by their titles.
    pub(super) fn lists(&self) -> [(&'static str, &Entries); 5] {
        [
            ("Approvals", &self.approvals),
            ("Denials", &self.denials),
            ("Refused connections", &self.egress_denials),
            ("Changes", &self.changes),
            ("The trail itself", &self.trail),
        ]
    }

    /// The report as one page that needs nothing else and can be printed.
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// The report as one table; its first column says what a row is about.
    pub fn to_csv(&self) -> String {
        let mut rows = vec![
            [
                "section", "server", "name", "time", "who", "action", "outcome", "count", "denied", "failed", "reason",
                "detail",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        let time = |time: Option<i64>| time.map(clock::rfc3339).unwrap_or_default();
        let mut uses = |section: &str, server: &str, name: &str, uses: &Uses, detail: String| {
            let by = uses.by.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
            let count = |count: u64| count.to_string();
            let cells = [
                section,
                server,
                name,
                &time(uses.last),
                &by,
                "",
                "",
                &count(uses.count),
                &count(uses.denied),
                &count(uses.failed),
                "",
                &detail,
            ];
            rows.push(cells.map(str::to_owned).to_vec());
        };
        for (name, server) in &self.servers {
            let allowed = server.allowed.as_ref().map(ToString::to_string).unwrap_or_default();
            uses("server", name, "", &server.uses, allowed);
            for (tool, of) in &server.tools {
                uses("tool", name, tool, of, String::new());
            }
        }
        for (principal, of) in &self.principals {
            uses("principal", "", principal, of, String::new());
        }
        for (secret, of) in &self.secrets {
            uses("secret", "", secret, of, String::new());
        }
        let added = self.servers.values().flat_map(|server| &server.added).map(|entry| ("added", entry));
        let listed =
            self.lists().into_iter().flat_map(|(title, list)| list.entries.iter().map(move |entry| (title, entry)));
        for (section, entry) in added.chain(listed) {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            rows.push(vec![
                section.to_lowercase(),
                text(&entry.server),
                text(&entry.name),
                clock::rfc3339(entry.time),
                entry.who(),
                entry.action.clone(),
                entry.outcome.as_str().to_owned(),
                "1".to_owned(),
                String::new(),
                String::new(),
                text(&entry.reason),
                entry.detail.as_ref().map(ToString::to_string).unwrap_or_default(),
            ]);
        }
        let lines = rows.iter().map(|row| row.iter().map(|cell| csv(cell)).collect::<Vec<_>>().join(","));
        lines.map(|line| line + "\r\n").collect()
    }
}
