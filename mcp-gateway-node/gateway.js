"use strict";

const { onAbort } = require("./abort.js");
const { GatewayError, lift } = require("./error.js");
const { AuditRecord, Host } = require("./host.js");
const lifetime = require("./lifetime.js");
const { Link } = require("./link.js");
const native = require("./native.js");
const { ToolSet } = require("./tools.js");
const { GatewayTransport } = require("./transport.js");

// The options that are objects of the host.
const PARTS = ["catalog", "secrets", "policy", "approver", "client", "audit"];

// One client's session: what it asks goes through policy, approval and audit.
class Session {
  _link;
  // What belongs to a gateway keeps it: a gateway that is forgotten is closed.
  #gateway;
  #handle;

  constructor(link, { handle, id }, principal, gateway) {
    this._link = link;
    this.#gateway = gateway;
    this.#handle = handle;
    if (gateway) lifetime.keepSession(this, link, handle);
    this.id = id;
    this.principal = principal;
  }

  async listTools() {
    return (await this.#list("tools/list")).tools;
  }

  async callTool(name, args = {}, options = {}) {
    return JSON.parse(await this.#send("tools/call", callParams(name, options?.meta), options, { args }));
  }

  async callToolRaw(name, args = {}, options = {}) {
    return this.#send("tools/call", callParams(name, options?.meta), options, { args, raw: true });
  }

  async listPrompts() {
    return (await this.#list("prompts/list")).prompts;
  }

  async getPrompt(name, args = {}) {
    return JSON.parse(await this.#send("prompts/get", callParams(name), {}, { args }));
  }

  async listResources() {
    return (await this.#list("resources/list")).resources;
  }

  async listResourceTemplates() {
    return (await this.#list("resources/templates/list")).resourceTemplates;
  }

  async readResource(uri) {
    return (await this.request("resources/read", { uri })).contents;
  }

  async subscribe(uri) {
    await this.request("resources/subscribe", { uri });
  }

  async unsubscribe(uri) {
    await this.request("resources/unsubscribe", { uri });
  }

  async complete(ref, argument, value) {
    return (await this.request("completion/complete", { ref, argument: { name: argument, value } })).completion.values;
  }

  async setLogLevel(level) {
    await this.request("logging/setLevel", { level });
  }

  // Tells the session's servers that the roots of its client are others now.
  async rootsChanged() {
    await this._link.run((engine, ticket) => engine.rootsChanged(ticket, this.#handle));
  }

  async request(method, params = {}, options = {}) {
    return JSON.parse(await this.#send(method, JSON.stringify(params), options));
  }

  async presentTools(dialect) {
    const listed = await this.#listed("tools/list");
    try {
      return new ToolSet(native.ToolSet.of(dialect, listed), this);
    } catch (error) {
      throw lift(error);
    }
  }

  async close() {
    // A session ends with its gateway.
    if (this._link.engine) await this._link.run((engine, ticket) => engine.closeSession(ticket, this.#handle));
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }

  async #list(method) {
    return JSON.parse(await this.#listed(method));
  }

  // Every page of a list.
  #listed(method) {
    return this._link.run((engine, ticket) => engine.list(ticket, this.#handle, method));
  }

  async #send(method, params, options, { args, raw = false } = {}) {
    const { timeoutMs, signal, onProgress } = options ?? {};
    // Arguments that are JSON already are not read here.
    const text = args === undefined || typeof args === "string" ? args : JSON.stringify(args ?? {});
    const how = { arguments: text, timeoutMs: timeoutMs ?? undefined, progress: typeof onProgress === "function", raw };
    const start = (engine, ticket) => engine.request(ticket, this.#handle, method, params, how);
    return this._link.run(start, { signal, onProgress });
  }
}

// An open gateway; what is asked of it directly belongs to a session of its own.
class Gateway extends Session {
  // Settled once it is closed, however that came about.
  #closed;

  constructor(link, session, principal, { profile, warnings }) {
    super(link, session, principal);
    this.profile = profile;
    this.warnings = warnings;
    lifetime.keep(this, link, profile);
  }

  static async open(profile, options) {
    const { principal = "local", roles = [], secretStores, signal, ...rest } = options ?? {};
    const objects = {};
    for (const part of PARTS) {
      const given = rest[part];
      if (part === "audit" && typeof given === "string") continue;
      // Whatever is given is a part: what cannot be one is refused, and never taken for nothing.
      if (given !== undefined && given !== null) objects[part] = given;
      delete rest[part];
    }
    if (secretStores !== undefined) rest.secrets = secretStores;
    if (profile !== undefined && profile !== null) rest.profile = profile;
    const host = new Host(objects);
    const link = new Link(rest.workerThreads, (text, signal) => host.call(text, signal));
    try {
      const text = JSON.stringify(rest);
      const opened = JSON.parse(await link.run((engine, ticket) => engine.open(ticket, text, host.parts), { signal }));
      const session = JSON.parse(await link.run((engine, ticket) => engine.session(ticket, principal, roles)));
      return new Gateway(link, session, principal, opened);
    } catch (error) {
      link.end();
      throw error;
    }
  }

  async session(options) {
    const { principal = "local", roles = [] } = options ?? {};
    const session = await this._link.run((engine, ticket) => engine.session(ticket, principal, roles));
    return new Session(this._link, JSON.parse(session), principal, this);
  }

  servers() {
    return this.#command("servers");
  }

  async find(query, options) {
    const { limit = 10, category = null, source = null } = options ?? {};
    const { matches, categories } = await this.#command("find", { query, limit, category, source });
    return Object.defineProperty(matches, "categories", { value: categories });
  }

  inspect(server) {
    return this.#command("inspect", { server });
  }

  surfaceOf(server) {
    return this.#command("surface_of", { server });
  }

  approveServer(server, options) {
    const { by = "local", items = [], diff } = options ?? {};
    return this.#command("approve_server", { server, by, items, diff });
  }

  diff(server) {
    return this.#command("surface_diff", { server });
  }

  revokeServer(server, options) {
    const { by = "local" } = options ?? {};
    return this.#command("revoke_server", { server, by });
  }

  policyExplain(question) {
    return this.#command("policy_explain", { question });
  }

  policyTest(cases) {
    return this.#command("policy_test", { cases });
  }

  policyDryRun(query = {}) {
    return this.#command("policy_dry_run", { query });
  }

  policyCheck() {
    return this.#command("policy_check");
  }

  instances() {
    return this.#command("instances");
  }

  stats() {
    return this.#command("stats");
  }

  async addServer(server, settings = {}) {
    await this.#command("add_server", { server, settings });
  }

  async removeServer(server) {
    await this.#command("remove_server", { server });
  }

  async audit(query = {}) {
    return (await this.#command("audit", { query })).map((record) => new AuditRecord(record));
  }

  verifyAudit({ key, noted } = {}) {
    return this.#command("audit_verify", { key, noted });
  }

  async auditHead() {
    const head = await this.#command("audit_head");
    return head && `${head.sequence}:${head.hash}`;
  }

  auditReport({ since } = {}) {
    return this.#command("audit_report", { since });
  }

  renderAuditReport({ format = "html", since } = {}) {
    return this.#command("audit_report", { format, since });
  }

  async exportAudit(to, { format = "jsonl", since } = {}) {
    return (await this.#command("audit_export", { to, format, since })).records;
  }

  approvals() {
    return this.#command("approvals");
  }

  async approve(id, { by, reason = "", scope = "once", ttlSeconds } = {}) {
    await this.#command("answer_approval", { id, verdict: { granted: true, by, reason, scope, ttlSeconds } });
  }

  async reject(id, { by, reason = "" } = {}) {
    await this.#command("answer_approval", { id, verdict: { granted: false, by, reason } });
  }

  grants() {
    return this.#command("grants");
  }

  async revoke(id) {
    await this.#command("revoke_grant", { id });
  }

  metrics() {
    return this.#command("metrics");
  }

  oauthStatus() {
    return this.#command("oauth_status");
  }

  oauthBegin(server, request = {}) {
    return this.#command("oauth_begin", { server, request });
  }

  oauthFinish(server, answer) {
    return this.#command("oauth_finish", { server, answer });
  }

  async oauthRevoke(server) {
    const { warning } = await this.#command("oauth_revoke", { server });
    return warning ?? undefined;
  }

  // Listens from the moment of this call on, and not from that of the first `next`.
  events(options) {
    return new Events(this._link, options?.signal, true, this);
  }

  // Calls a function with each event; it does not keep the process alive. Returns what ends it.
  listen(listener, ...types) {
    const ended = new AbortController();
    const events = new Events(this._link, ended.signal, false);
    const tell = async () => {
      for await (const event of events) {
        if (types.length === 0 || types.includes(event.type)) await listener(event);
      }
    };
    tell().catch((error) => process.nextTick(() => { throw error; }));
    return () => ended.abort();
  }

  transport(options) {
    return new GatewayTransport((onMessage, onClose) => this.connect(onMessage, onClose, options));
  }

  async connect(onMessage, onClose, options) {
    const { principal = "local", roles = [] } = options ?? {};
    const link = this._link;
    const handle = Number(await link.run((engine, ticket) => engine.connect(ticket, principal, roles)));
    const connection = new Connection(link, handle, this);
    const pump = async () => {
      for (;;) {
        const text = await link.run((engine, ticket) => engine.receive(ticket, handle));
        if (text === null) return;
        onMessage(text);
      }
    };
    connection.ended = pump().then(
      // Whatever it returns is not waited for: it may itself wait for the end of the connection.
      () => { onClose(); },
      (error) => {
        // When it is the host's function that failed, nobody reads any longer.
        link.engine?.disconnect(handle);
        onClose(error?.kind === "closed" ? undefined : error);
      },
    );
    return connection;
  }

  close() {
    return (this.#closed ??= lifetime.close(this._link));
  }

  async #command(command, fields = {}) {
    const text = JSON.stringify({ command, ...fields });
    return JSON.parse(await this._link.run((engine, ticket) => engine.command(ticket, text)));
  }
}

// What happens in a gateway, as an async iterator.
class Events {
  #link;
  #isHeld;
  // Kept until the end.
  #gateway;
  #listener;
  #forget;
  #ended = new AbortController();
  // The last `next`: those that are asked for meanwhile follow on it.
  #last = Promise.resolve();

  constructor(link, signal, isHeld, gateway) {
    this.#link = link;
    this.#isHeld = isHeld;
    this.#gateway = gateway;
    this.#listener = link.now((engine) => engine.listen());
    if (signal?.aborted) this.return();
    else if (signal) this.#forget = onAbort(signal, () => this.return());
  }

  next() {
    const next = () => this.#take();
    return (this.#last = this.#last.then(next, next));
  }

  async return(value) {
    if (!this.#ended.signal.aborted) {
      this.#ended.abort();
      this.#forget?.();
      this.#gateway = undefined;
      this.#link.engine?.unlisten(this.#listener);
    }
    return { done: true, value };
  }

  async #take() {
    const { signal } = this.#ended;
    try {
      const start = (engine, ticket) => engine.nextEvent(ticket, this.#listener);
      const text = await this.#link.run(start, { signal, isHeld: this.#isHeld });
      if (text !== null) return { done: false, value: JSON.parse(text) };
    } catch (error) {
      if (error.kind !== "closed" && !signal.aborted) throw error;
    }
    return this.return();
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

// One client's connection: messages of MCP as JSON text, both ways.
class Connection {
  #link;
  // Kept for as long as this is.
  #gateway;
  #handle;

  constructor(link, handle, gateway) {
    this.#link = link;
    this.#gateway = gateway;
    this.#handle = handle;
  }

  send(text) {
    this.#link.now((engine) => engine.send(this.#handle, text));
  }

  async close() {
    this.#link.engine?.disconnect(this.#handle);
    await this.ended;
  }
}

// The parameters of a call, without its arguments.
function callParams(name, meta) {
  return JSON.stringify({ name, _meta: meta });
}

module.exports = { Connection, Events, Gateway, GatewayError, Session };
