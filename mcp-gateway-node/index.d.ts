/** The version of the gateway, the same for the Rust crate, the Python module and this package. */
export declare const version: string;

/** Every kind of failure, in the words that the audit trail and the other languages use too. */
export type ErrorKind =
  | "invalid_input"
  | "invalid_config"
  | "not_found"
  | "already_exists"
  | "conflict"
  | "missing_secret"
  | "denied"
  | "unauthorized"
  | "unsupported"
  | "runtime_unavailable"
  | "start_failed"
  | "server_exited"
  | "protocol"
  | "too_large"
  | "overloaded"
  | "timeout"
  | "cancelled"
  | "closed"
  | "network"
  | "io"
  | "internal";

/** Every `ErrorKind` that the native library knows. */
export declare function errorKinds(): ErrorKind[];

/** What a `GatewayError` says beside its message. */
export interface GatewayErrorOptions {
  kind?: ErrorKind;
  operation?: string | null;
  context?: Readonly<Record<string, string>>;
  hints?: readonly string[];
  fault?: "client" | "gateway" | "server";
  retryable?: boolean;
  cause?: Error;
}

/** A failure, ready to be shown to a person and to be decided on by a program. */
export declare class GatewayError extends Error {
  constructor(message: string, options?: GatewayErrorOptions);
  /** The kind in Node's form, such as `ERR_MCP_GATEWAY_NOT_FOUND`. */
  readonly code: `ERR_MCP_GATEWAY_${Uppercase<ErrorKind>}`;
  /** What kind of failure it is. */
  readonly kind: ErrorKind;
  /** The operation that failed, as `Type::method`, if it is known. */
  readonly operation: string | null;
  /** Named facts, such as the server or the file concerned; never a secret's value. */
  readonly context: Readonly<Record<string, string>>;
  /** Next steps for the person who reads the error. */
  readonly hints: readonly string[];
  /** Whose fault it is: the caller's, the gateway's and its machine's, or the MCP server's. */
  readonly fault: "client" | "gateway" | "server";
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** What caused it, where that is known. */
  readonly cause?: Error;
}

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** A tool, exactly as its server defines it, under the name by which the gateway offers it. */
export interface Tool {
  name: string;
  title?: string;
  description?: string;
  /** The JSON Schema of its arguments. */
  inputSchema: JsonObject;
  /** The JSON Schema of its structured content. */
  outputSchema?: JsonObject;
  /** Hints of its server, such as `readOnlyHint`; they are claims and no promises. */
  annotations?: JsonObject;
  _meta?: JsonObject;
  [key: string]: unknown;
}

/** A block of content: `text`, `image`, `audio`, `resource` or `resource_link`, with the fields of its type. */
export interface ContentBlock {
  type: string;
  [key: string]: any;
}

/** What a tool answered; one that failed says so in `isError` and rejects nothing. */
export interface ToolResult {
  content: ContentBlock[];
  structuredContent?: unknown;
  isError?: boolean;
  _meta?: JsonObject;
  [key: string]: unknown;
}

/** A prompt, as its server defines it. */
export interface Prompt {
  name: string;
  title?: string;
  description?: string;
  arguments?: { name: string; description?: string; required?: boolean }[];
  _meta?: JsonObject;
  [key: string]: unknown;
}

/** A prompt that was filled in. */
export interface PromptResult {
  description?: string;
  messages: { role: string; content: ContentBlock }[];
  [key: string]: unknown;
}

/** A resource, as its server defines it. */
export interface Resource {
  uri: string;
  name: string;
  title?: string;
  description?: string;
  mimeType?: string;
  [key: string]: unknown;
}

/** A template of resources, as its server defines it. */
export interface ResourceTemplate {
  uriTemplate: string;
  name: string;
  title?: string;
  description?: string;
  mimeType?: string;
  [key: string]: unknown;
}

/** The content of a resource: text, or bytes in base64. */
export interface ResourceContents {
  uri: string;
  mimeType?: string;
  text?: string;
  blob?: string;
  [key: string]: unknown;
}

/** How far a call is. */
export interface Progress {
  progress: number;
  total?: number;
  message?: string;
}

/** One server of the profile and how it is. */
export interface ServerStatus {
  name: string;
  /** Known but not running, never seen, running, failed at its last start, or not possible to start. */
  state: "recorded" | "unknown" | "running" | "failed" | "refused";
  /** Why, for a server that is refused, has failed, or of which something is held back. */
  reason?: string;
  /** How many of it run. */
  running: number;
  /** How many tools it offers, where that is known. */
  tools?: number;
  /** How many of its definitions are held back until an operator accepts them. */
  held?: number;
  /** What was found out about its image when it was last checked, where signatures are asked for. */
  verification?: Verification;
}

/** What was found out about an image before it ran. */
export interface Verification {
  /** How far it is known to be what it should be. */
  level: "none" | "pinned" | "signed";
  /** What was checked, for a person. */
  detail: string;
  digest?: string;
  /** Who signed it. */
  signer?: string;
  /** Its source, as signed provenance names it. */
  source?: string;
  /** What built it, as signed provenance names it. */
  builder?: string;
  /** Where signed lists of its contents are. */
  sboms?: string[];
  /** When it was checked, RFC 3339. */
  time?: string;
  [key: string]: unknown;
}

/** Who signs images: a key, or an identity and who vouches for it; `docker` is Docker's own key, for `mcp/*`. */
export type Signer =
  | "docker"
  | {
      /** A public key, PEM. */
      key?: string;
      /** Whether signatures by the key must be in a transparency log. */
      log?: boolean;
      identity?: string;
      issuer?: string;
      /** The repository that holds the signatures, where that is not the image's own. */
      repository?: string;
      /** The source that signed provenance must name. */
      source?: string;
      /** The builder that signed provenance must name. */
      builder?: string;
    };

/** What happens with images that are not signed. */
export type VerifyMode = "required" | "if-present" | "off";

/** How a remote server is authorized; never a token. */
export interface OAuthStatus {
  server: string;
  /** Whether a person has to authorize it (`needed`), or again (`more_scopes`, `expired`), or nobody has to. */
  state: "needed" | "authorized" | "more_scopes" | "expired" | "unattended";
  /** Who gave the token. */
  issuer?: string;
  /** What the token allows. */
  scopes: string[];
  /** When the token ends, in RFC 3339; it is renewed by then where that is possible. */
  expires?: string;
}

/** An authorization that waits for a person. */
export interface OAuthBegun {
  server: string;
  /** The address to open in a browser. */
  url: string;
  /** What the browser has to bring back. */
  state: string;
  /** Where it is sent back to. */
  redirectUri: string;
  /** Who asks the person. */
  issuer: string;
  /** What the person is asked for. */
  scopes: string[];
  /** How long the answer is waited for, in RFC 3339. */
  until: string;
}

/** How a remote server's tokens are got; what is not said is found out from the server. */
export interface OAuthSpec {
  /** The authorization server that is trusted with this server. */
  issuer?: string;
  /** A client that is registered there already. */
  clientId?: string;
  /** The key that its secret is kept under, never the secret; needs `issuer`. */
  clientSecret?: string;
  /** Where the client's metadata document is published, for authorization servers that take one. */
  clientMetadataUrl?: string;
  /** Where the browser is sent back to. */
  redirectUri?: string;
  /** The scopes to ask for, instead of those that the server names. */
  scopes?: string[];
  /** Whom the token is for: a person, who agrees in a browser, or the client itself. */
  grant?: "authorizationCode" | "clientCredentials";
}

/** A server of the catalogs that fits a query. */
export interface Match {
  /** Its catalog entry. */
  entry: { name: string; [key: string]: unknown };
  /** How well it fits; comparable within one search only. */
  score: number;
  /** Its tools that the query is about, the best first. */
  tools: ToolMatch[];
}

/** A tool that fits a query. */
export interface ToolMatch {
  /** Its name, as its server or the catalog has it. */
  name: string;
  /** How well it fits; comparable within one search only, and also between servers. */
  score: number;
  /** What it does. */
  description?: string;
}

/** What a search found, the best first. */
export interface Matches extends Array<Match> {
  /** Where nothing fits: the categories that are nearest, or else those with the most servers. */
  readonly categories: string[];
}

/** Which servers come into question, and how many. */
export interface FindOptions {
  /** The best so many servers; 10 where it is not said. */
  limit?: number;
  /** Servers of this category only. */
  category?: string;
  /** Servers of this catalog only. */
  source?: string;
}

/** What a server would get if it were started now; names of secrets, never values. */
export interface Inspection {
  entry: JsonObject;
  /** What would start it. */
  runtime?: string;
  /** Why nothing can start it. */
  unavailable?: string;
  /** The image, package or address. */
  target: string;
  secrets?: { name: string; env: string; set: boolean; required: boolean; delivery: SecretDelivery; hosts?: string[] }[];
  /** What is asked of its image. */
  verify?: { mode: VerifyMode; signer?: JsonObject };
  /** What was found out about its image when it was last checked. */
  verification?: Verification;
  [key: string]: unknown;
}

/** What runs for the gateways of a home: a container, a process or a connection. */
export interface Instance {
  id: string;
  runtime: string;
  profile: string;
  server: string;
  image: string;
  state: string;
  /** When it was started, in milliseconds since the Unix epoch. */
  started: number;
  /** When a request last reached it, and whose, as far as the audit trail tells. */
  lastUsed?: number;
  lastPrincipal?: string;
  memoryBytes?: number;
  /** Processor time since the start. */
  cpuMillis?: number;
  /** Percent of one core, by `stats` only. */
  cpuPercent?: number;
  pids?: number;
  networkReceivedBytes?: number;
  networkSentBytes?: number;
  [key: string]: unknown;
}

/** Something that happened in a gateway. */
export type GatewayEvent =
  | { type: "list_changed"; list: "tools" | "prompts" | "resources" }
  | { type: "server_added" | "server_removed"; server: string; session?: string }
  | { type: "preparing"; server: string; status: string; done: number; total: number }
  | { type: "server_started"; server: string; instance: string; session?: string }
  | { type: "server_failed"; server: string; reason: string }
  | { type: "server_stopped"; server: string; instance: string }
  | { type: "surface_held"; server: string; items: string[] }
  | { type: "surface_accepted"; server: string; items: string[]; by?: string }
  | { type: "egress_denied"; server: string; host: string; port?: number; reason: string; count: number }
  | {
      type: "approval_asked";
      server: string;
      name: string;
      principal: string;
      effect: "soft_confirm" | "hard_confirm";
      rule: string;
      reason: string;
      /** Under which an operator answers; none where somebody else is asked. */
      id?: string;
    }
  | { type: "approval_answered"; server: string; name: string; granted: boolean; by?: string; reason: string }
  | { type: "log"; session: string; params: { level: string; logger?: string; data: unknown } }
  | { type: "resource_updated"; session: string; params: { uri: string } }
  | { type: "missed"; count: number };

/** How a request ended, as records say it. */
export type Outcome = "ok" | "tool_error" | "server_error" | "denied" | "limited" | "failed" | "cancelled";

/** One thing that happened, in its place in the chain. The hash is over the number, the previous hash and the text. */
export declare class AuditRecord {
  constructor(record: { sequence: number; previous: string; hash: string; text: string });
  /** Its number, from 1. */
  readonly sequence: number;
  /** The hash of the record before. */
  readonly previous: string;
  /** Its own hash. */
  readonly hash: string;
  /** The event as the JSON text that was hashed. */
  readonly text: string;
  /** The event. */
  get event(): {
    time: number;
    profile: string;
    principal: string;
    session?: string;
    action: string;
    server?: string;
    name?: string;
    decision?: Required<Decision>;
    outcome: Outcome;
    error?: string;
    durationMicros: number;
    [key: string]: unknown;
  };
}

/** What the audit trail of a profile holds, and how it is kept. */
export interface AuditSpec {
  /** Whether argument values are recorded; never secrets. */
  arguments?: boolean;
  /** To whom arguments and results are sealed: a recipient of age, `age1…`. */
  seal?: string;
  /** What a record survives: a crash of the gateway, or also a loss of power. */
  durability?: "normal" | "full";
  /** What happens with records that cannot be written now: the call waits, or they join the trail later. */
  onOverload?: "block" | "spill";
  /** After how many records a checkpoint is signed. */
  checkpointEvery?: number;
  /** When older records are moved into a closed file, such as `{ size: "64m", age: "30d" }`. */
  rotate?: { size?: string; age?: string };
  /** How long closed files are kept, such as `365d`. */
  retain?: string;
}

/** Whether an audit trail is what was written. */
export interface AuditVerification {
  intact: boolean;
  files: string[];
  profile?: string;
  records: number;
  /** The number of the first record; above 1 when older ones were dropped. */
  first?: number;
  /** The newest record. */
  head?: { sequence: number; hash: string };
  checkpoints: number;
  /** Up to which record checkpoints reach; what comes after can be replaced unseen. */
  signedUpTo?: number;
  keys: string[];
  keyWasGiven: boolean;
  /** Bytes at the end that belong to no finished step; none of them was acknowledged. */
  tornBytes?: number;
  faults: { sequence?: number; kind: string; message: string }[];
}

/** What an audit trail says about a time. Times are in milliseconds since the Unix epoch. */
export interface AuditReport {
  profile?: string;
  since?: number;
  until: number;
  records: number;
  integrity: AuditVerification;
  servers: Record<
    string,
    {
      added: AuditReportEntry[];
      removed?: AuditReportEntry[];
      allowed?: unknown;
      starts: number;
      uses: AuditUses;
      tools: Record<string, AuditUses>;
    }
  >;
  principals: Record<string, AuditUses>;
  approvals: AuditReportEntries;
  denials: AuditReportEntries;
  egressDenials: AuditReportEntries;
  secrets: Record<string, AuditUses>;
  changes: AuditReportEntries;
  trail: AuditReportEntries;
}

/** How often something was used. */
export interface AuditUses {
  count: number;
  denied: number;
  failed: number;
  first?: number;
  last?: number;
  by?: string[];
}

/** A list of a report; `omitted` says how many more there are. */
export interface AuditReportEntries {
  entries: AuditReportEntry[];
  omitted: number;
}

/** One thing that happened. */
export interface AuditReportEntry {
  sequence: number;
  time: number;
  principal: string;
  action: string;
  server?: string;
  name?: string;
  outcome: Outcome;
  effect?: string;
  rule?: string;
  reason?: string;
  detail?: unknown;
}

/** The form of an export of records. */
export type AuditExportFormat = "jsonl" | "csv" | "otlp";

/**
 * Checks an audit file or a copy of it, without a gateway. `key` is the public key whose checkpoints count, as
 * `mcp-gateway audit key` prints it; `noted` a head that was noted elsewhere, as `number:hash`.
 */
export declare function verifyAuditFile(file: string, options?: { key?: string; noted?: string }): Promise<AuditVerification>;
/** Reports on an audit file. */
export declare function reportAuditFile(file: string, options?: { since?: number; key?: string }): Promise<AuditReport>;
/** The report as one page that needs nothing else and can be printed, or as a table. */
export declare function renderAuditFile(
  file: string,
  options?: { format?: "html" | "csv"; since?: number; key?: string },
): Promise<string>;
/** Writes the records of an audit file into another one; how many. */
export declare function exportAuditFile(
  file: string,
  to: string,
  options?: { format?: AuditExportFormat; since?: number },
): Promise<number>;
/** Opens the `sealed` payload of a record with the recipient's key file. */
export declare function unsealAudit(sealed: string, identity: string): Promise<{ arguments?: unknown; result?: unknown }>;

/** The folder of the state, where that is not the usual one. */
export interface HomeOptions {
  home?: string;
}

/** How a profile is taken over. */
export interface ImportOptions extends HomeOptions {
  /** The name that it gets, in the place of its own. */
  name?: string;
  /** Whether a profile of that name is replaced. */
  replace?: boolean;
  /** Whether what the other home's operator has approved counts here. */
  trustApprovals?: boolean;
  /** The digest that its bundle must have. */
  digest?: string;
}

/** A secret that is needed; never its value. */
export interface NeededSecret {
  /** The server that receives it; without one, the gateway itself uses it. */
  server?: string;
  key: string;
  env?: string;
  required: boolean;
  why?: string;
}

/** A profile that was taken over, and what is left to do. */
export interface ImportedProfile {
  profile: string;
  digest?: string;
  /** Where it was pulled from, with the digest that the registry has. */
  reference?: string;
  /** Whether each server's pin counts here: the same catalog entry, none pinned, another entry, no entry. */
  servers: { server: string; pin: "pinned" | "unpinned" | "otherEntry" | "missing"; digest?: string; tools: number }[];
  /** The secrets that it needs, whether each is stored here, and the command that stores it. */
  secrets: (NeededSecret & { set: boolean; command: string })[];
  warnings: string[];
}

/** One thing that differs between two profiles. */
export interface ProfileChange {
  /** The keys that lead to it, such as `servers.github.config.host` or `github.digest`. */
  path: string;
  before?: unknown;
  after?: unknown;
}

/** How a client is connected or disconnected. */
export interface ClientOptions extends HomeOptions {
  scope?: "user" | "project";
  /** The project's folder; the current one where it is not said. */
  folder?: string;
  profile?: string;
  /** The name under which the gateway stands there: `mcp-gateway`. */
  name?: string;
  /** The program that the client starts: the path of `mcp-gateway`. */
  program?: string;
  /** Whether a copy of the file is kept beside it. */
  backup?: boolean;
  /** Whether a client counts that seems not to be installed, and an entry of somebody else's under the name. */
  force?: boolean;
  /** Whether only the change is told and nothing is written. */
  dryRun?: boolean;
}

/** What is known about a client. */
export interface ClientStatus {
  client: string;
  title: string;
  scope: "user" | "project";
  path: string;
  installed: boolean;
  connected: boolean;
  name?: string;
  profile?: string;
  program?: string;
  /** Why its file cannot be read. */
  problem?: string;
}

/** What was done with a client's configuration, or would be. */
export interface ClientChange {
  client: string;
  title: string;
  path: string;
  name: string;
  changed: boolean;
  /** The lines that change. */
  diff: string;
  backup?: string;
  /** What a person does next. */
  next?: string;
}

/** Exports a profile with its pins and the list of secrets it needs, into a file where one is named. */
export declare function exportProfile(
  profile: string,
  options?: HomeOptions & { file?: string },
): Promise<{ digest: string; text: string; secrets: NeededSecret[] }>;
/** Takes a profile over from a file. */
export declare function importProfile(file: string, options?: ImportOptions): Promise<ImportedProfile>;
/** Puts a profile into a registry: `registry.example/team/dev:1`. */
export declare function pushProfile(
  profile: string,
  reference: string,
  options?: HomeOptions,
): Promise<{ profile: string; digest: string; reference: string }>;
/** Takes a profile over from a registry, by a tag or by a digest. */
export declare function pullProfile(reference: string, options?: ImportOptions): Promise<ImportedProfile>;
/** What differs between two profiles, each a profile of the home, a file, or a reference of a registry. */
export declare function diffProfiles(
  first: string,
  second: string,
  options?: HomeOptions,
): Promise<{ profile: ProfileChange[]; pins: ProfileChange[] }>;
/** The profiles to begin with. */
export declare function profileTemplates(): Promise<{ name: string; text: string; profile: ProfileSpec }[]>;
/** Creates a profile from a template. */
export declare function createProfile(profile: string, template: string, options?: HomeOptions): Promise<ProfileSpec>;
/** How a catalog is fetched and registered. */
export interface CatalogOptions extends HomeOptions {
  /** Whether it takes the place of one of the same name. */
  replace?: boolean;
  /** Whether an address may be one that is not on the public internet. */
  allowPrivate?: boolean;
  /** By whom it must be signed, from now on: `ed25519:…`. */
  verifyKey?: string;
  /** Whether a signed catalog may take the place of a newer one. */
  allowOlder?: boolean;
  /** What npm and PyPI packages of a registry are run in, each `IMAGE@sha256:…`; without, they are run as processes. */
  images?: { node?: string; python?: string };
}

/** A catalog, and what happened to it. */
export interface CatalogChange {
  name: string;
  change: "added" | "updated" | "unchanged" | "failed" | "removed";
  /** Where it comes from. */
  origin?: string;
  /** How many servers it has now. */
  servers: number;
  /** The server of it that was approved, or is no more. */
  server?: string;
  /** What is odd about it, and what was left out. */
  notes?: string[];
  /** Why it could not be fetched. */
  error?: string;
}

/** A registered catalog. */
export interface CatalogStatus {
  name: string;
  servers: number;
  /** The file that has it. */
  path: string;
  origin?: string;
  state: string;
  [more: string]: unknown;
}

/** The registered catalogs. */
export declare function listCatalogs(options?: HomeOptions): Promise<CatalogStatus[]>;
/**
 * Registers a catalog and copies it. The origin is a path, `https://…`, `oci://REFERENCE`, `docker://IMAGE`, or
 * `registry:https://…` for a registry of MCP servers.
 */
export declare function addCatalog(
  name: string,
  origin: string,
  options?: CatalogOptions & { verify?: "required" | "if-present" | "off" },
): Promise<CatalogChange>;
/** Fetches catalogs anew, all where none is named. */
export declare function syncCatalogs(names?: string[], options?: CatalogOptions): Promise<CatalogChange[]>;
/** Forgets a catalog; what it came from stays. */
export declare function removeCatalog(name: string, options?: HomeOptions): Promise<CatalogChange>;
/** Makes a catalog of one's own: empty, or as a registered one or an origin is now. */
export declare function createCatalog(name: string, options?: CatalogOptions & { from?: string }): Promise<CatalogChange>;
/** Puts a server that a file describes into a catalog of one's own. */
export declare function addCatalogServer(
  name: string,
  server: string,
  file: string,
  options?: CatalogOptions,
): Promise<CatalogChange>;
/** Takes a server out of a catalog of one's own. */
export declare function removeCatalogServer(name: string, server: string, options?: HomeOptions): Promise<CatalogChange>;
/** Writes a catalog into a file, its signature beside it; a note says when that did not go along. */
export declare function exportCatalog(
  name: string,
  file: string,
  options?: HomeOptions,
): Promise<{ name: string; file: string; notes?: string[] }>;
/** Puts a catalog into a registry, with its signature; the reference that comes back has a digest. */
export declare function pushCatalog(
  name: string,
  reference: string,
  options?: HomeOptions,
): Promise<{ reference: string; notes?: string[] }>;
/**
 * Registers a catalog of a registry, under its own name where none is said. With a `verifyKey`, only what that key has
 * signed, from now on; else nothing is left behind.
 */
export declare function pullCatalog(reference: string, options?: CatalogOptions & { name?: string }): Promise<CatalogChange>;
/** Writes down who approved a server's entry of a catalog of one's own, as it is now; void when the entry changes. */
export declare function approveCatalogServer(
  name: string,
  server: string,
  by: string,
  options?: HomeOptions & { note?: string },
): Promise<CatalogChange>;
/** Takes the approval of a server's entry away. */
export declare function revokeCatalogServer(name: string, server: string, options?: HomeOptions): Promise<CatalogChange>;
/** Whether a server exists for a profile, and what each scope says. */
export declare function checkScope(
  server: string,
  profile: string,
  options?: HomeOptions,
): Promise<{ admitted: boolean; scopes: { scope: string; admitted: boolean; rule?: string; reason?: string }[] }>;
/**
 * Removes images, packages and their volumes that no server of the home was run from for so long, such as `7d`; gives what
 * was removed, with `dryRun` what was not used. What something else uses stays, and what the home has never run.
 */
export declare function pruneUnused(
  unused: string,
  options?: HomeOptions & { dryRun?: boolean },
): Promise<{ runtime: string; image: string; server?: string; lastUsed: number }[]>;
/** Every client that is known: the user's own configuration, and with a folder that project's. */
export declare function listClients(options?: HomeOptions & { folder?: string }): Promise<ClientStatus[]>;
/** Writes the gateway into a client's configuration; everything else in the file stays. */
export declare function connectClient(client: string, options?: ClientOptions): Promise<ClientChange>;
/** Takes the gateway out of a client's configuration. */
export declare function disconnectClient(client: string, options?: ClientOptions): Promise<ClientChange>;

/** Which records are wanted; every condition that is set must hold. */
export interface AuditQuery {
  /** Not before this time, in milliseconds since the Unix epoch. */
  since?: number;
  server?: string;
  /** Of this tool, prompt or resource. */
  name?: string;
  principal?: string;
  /** With this action, such as `tools/call` or `server/start`. */
  action?: string;
  outcome?: Outcome;
  /** After this sequence number. */
  after?: number;
  /** Before this sequence number. */
  before?: number;
  /** The newest so many; 100,000 at the most. */
  limit?: number;
}

/** The key of a secret: a name, for everyone, for a profile, for a server, or for one server of a profile. */
export declare class SecretKey {
  constructor(key: { name: string; profile?: string | null; server?: string | null });
  readonly name: string;
  readonly profile: string | null;
  readonly server: string | null;
  /** `name`, `profile//name`, `/server/name` or `profile/server/name`. */
  toString(): string;
}

/** How a server is given a secret: in its environment variable, or in a file in memory whose path is in `NAME_FILE`. */
export type SecretDelivery = "env" | "file" | "header";

/** A secret that a store holds; its name, never its value. */
export interface SecretStatus {
  /** `name`, `profile//name`, `/server/name` or `profile/server/name`. */
  key: string;
  profile?: string;
  server?: string;
  name: string;
  /** The store that holds it. */
  store: string;
  /** Whether a store that is asked earlier holds the same key, so that this one is given to nobody. */
  hidden?: boolean;
  /** Until when it is good, RFC 3339. */
  expires?: string;
  /** Whether that is over. */
  expired?: boolean;
  /** When a server was last given it, as far as the audit trails of the home tell. */
  lastUse?: { time: string; profile: string; server?: string };
}

/** Which home is meant, and the stores that are asked before its own. */
export interface SecretOptions {
  /** The folder that holds the state; `MCP_GATEWAY_HOME` or `~/.mcp-gateway` without it. */
  home?: string;
  /** Stores such as `keyring`, `file:.env` or `age:PATH`. */
  stores?: string[];
}

/** What the stores hold: names, until when, and who was last given each. */
export declare function listSecrets(options?: SecretOptions): Promise<SecretStatus[]>;
/**
 * Keeps a secret in the first of the stores that can be written to; the home's own is the last. `expires` says how long it
 * is good, such as `90d`, or until when, such as `2027-01-31`. Audit trails record it.
 */
export declare function setSecret(
  key: SecretKey | string,
  value: string,
  options?: SecretOptions & { expires?: string },
): Promise<void>;
/** Forgets a secret; one that no store names rejects with `not_found`. Audit trails record it. */
export declare function removeSecret(key: SecretKey | string, options?: SecretOptions): Promise<void>;
/** Encrypts the home's own store anew, to a new key or with a new passphrase; the store's name. */
export declare function rotateSecrets(options?: { home?: string; passphrase?: string }): Promise<string>;

/** A value, or a promise of it. */
export type Awaitable<T> = T | PromiseLike<T>;

/** It goes through, the person at the client confirms it, an operator confirms it, or it is refused. */
export type Effect = "allow" | "soft_confirm" | "hard_confirm" | "deny";

/** An effect with the rule that decided and why. */
export interface Decision {
  effect: Effect;
  rule?: string;
  reason?: string;
}

/** Who asks, in which session, and for how long. */
export interface CallContext {
  principal: string;
  /** What the one who asks may be, where whoever let them in says so. */
  roles?: string[];
  session?: string;
  /** How long the caller still waits, where there is a bound. */
  timeoutSeconds?: number;
  traceparent?: string;
}

/** One request of a client, as a policy sees it. */
export interface PolicyRequest {
  /** The MCP method, such as `tools/call`. */
  method: string;
  /** The canonical name `server.name`, which rules are written for; none for a list, and for a name that nobody offers. */
  target?: string;
  /** The server of the target. */
  server?: string;
  /** The tool's or prompt's own name at that server, or the resource's URI. */
  name?: string;
  /** The name or URI that the client wrote. */
  subject?: string;
  arguments?: JsonObject;
  params: JsonObject;
}

/** What a person is asked. */
export interface Question {
  server: string;
  name: string;
  arguments: JsonObject | null;
  /** `soft_confirm` is for any person at the agent, `hard_confirm` for an operator, who gives a reason. */
  decision: Required<Decision>;
  /** The MCP method. */
  kind: string;
  /** The SHA-256 of the arguments in their canonical form. */
  argumentsHash: string;
  /** Who asks. */
  principal: string;
  roles?: string[];
  session?: string;
  profile?: string;
  /** What runs behind the server's name, as far as it is known. */
  identity?: string;
  /** The SHA-256 of the target's definition, as far as it is known. */
  definition?: string;
  /** Whether an operator has approved exactly this definition. */
  definitionApproved?: boolean;
  /** What would come of it: of a server that would be added, what runs. */
  facts?: { what: string; value: string }[];
  /** What was answered before to the same principal about the same target, the newest first. */
  previous: { time: number; granted: boolean; by: string; reason: string; sameArguments: boolean }[];
}

/** For what a yes holds: one request, a tool in a session, a tool with these arguments. */
export type ApprovalScope = "once" | "session" | "arguments";

/** What waits for an operator's answer. */
export interface PendingApproval {
  /** Under which it is answered. */
  id: string;
  effect: Effect;
  principal: string;
  /** When it was asked, in milliseconds since the Unix epoch. */
  asked: number;
  /** When its time is up. */
  expires: number;
  question: Question;
  /** The question for a person to read, with every hidden character written out. */
  text: string;
  /** The living gateway that asks. */
  gateway: string;
}

/** An approval that holds for more than one request. */
export interface Grant {
  /** Under which it is revoked. */
  id: string;
  scope: ApprovalScope;
  principal: string;
  session?: string;
  server: string;
  name: string;
  effect: Effect;
  argumentsHash?: string;
  by: string;
  reason: string;
  /** When it was given, in milliseconds since the Unix epoch. */
  given: number;
  /** When it ends. */
  expires: number;
}

/** Holds secrets; without `set` and `delete` it can only be read. */
export interface SecretBroker {
  get(key: SecretKey): Awaitable<string | null | undefined>;
  set?(key: SecretKey, value: string): Awaitable<void>;
  delete?(key: SecretKey): Awaitable<void>;
  list?(): Awaitable<Iterable<string | SecretKey>>;
}

/** Decides on requests, instead of the profile's rules. What throws, takes too long or answers anything else denies. */
export interface Policy {
  decide(context: CallContext, request: PolicyRequest): Awaitable<Effect | Decision>;
}

/** Asks a person. Only an explicit yes grants. */
export interface Approver {
  approve(
    context: CallContext,
    question: Question,
    waiting: Waiting,
  ): Awaitable<boolean | { granted: boolean; by?: string; reason?: string }>;
}

/** Who asks, and in whose call. */
export interface ClientContext {
  /** The session in whose call it is asked. */
  session: string;
  /** Whose session it is. */
  principal: string;
  /** The server that asks; show its name to a person. */
  server: string | null;
}

/** What a server wants to know of a person, or have them do at an address; the text is the server's. */
export type Elicitation =
  | {
      mode?: "form";
      message: string;
      /** The form: a JSON Schema of an object whose properties are texts, numbers, booleans and choices. */
      requestedSchema: { type: "object"; properties: Record<string, JsonObject>; required?: string[] } & JsonObject;
      _meta?: JsonObject;
    }
  | {
      mode: "url";
      message: string;
      /** The address to visit; never open it without the person's consent. */
      url: string;
      elicitationId?: string;
      _meta?: JsonObject;
    };

/** A person's answer: filled in and sent, refused, or left open. */
export interface ElicitationAnswer {
  action: "accept" | "decline" | "cancel";
  /** What was filled in, by field. */
  content?: JsonObject;
}

/** What a server wants a model of yours to write: the parameters of `sampling/createMessage`. */
export interface Sampling extends JsonObject {
  messages: { role: "user" | "assistant"; content: any }[];
  maxTokens?: number;
  systemPrompt?: string;
}

/** A place that servers may work in. */
export interface Root {
  /** Its address, such as `file:///home/ada/project`. */
  uri: string;
  /** Its name for people. */
  name?: string;
}

/** What a method that may wait for a person is told beside its arguments. */
export interface Waiting {
  /** Says that nobody waits for the answer any longer: the call has ended, or the time is over. */
  signal: AbortSignal;
}

/**
 * Answers what servers ask in the course of a call. Servers are told that it can do what it has methods for. What throws,
 * takes too long or answers anything else is an error that the server gets instead of an answer.
 */
export interface Client {
  /** Asks a person; `true` accepts without content, `false` declines, nothing leaves it open. */
  elicit?(
    context: ClientContext,
    request: Elicitation,
    waiting: Waiting,
  ): Awaitable<ElicitationAnswer | boolean | null | undefined>;
  /** Has a model write; the answer is its text, or the result of `sampling/createMessage`. */
  sample?(context: ClientContext, request: Sampling, waiting: Waiting): Awaitable<string | ({ content: any } & JsonObject)>;
  /** Says where servers may work. */
  roots?(context: ClientContext, waiting: Waiting): Awaitable<Iterable<Root | string>>;
}

/**
 * Keeps records. Numbers and hashes are the gateway's. The answer to a request whose record is not kept is withheld, and
 * nothing more is carried out until records are kept again.
 */
export interface AuditStore {
  /** Keeps a record. Where this fails or takes too long, the same record may come once more: it is kept by its number. */
  append(record: AuditRecord): Awaitable<void>;
  /** The newest `limit` records, oldest first. Conditions but `limit` and `before` may be ignored: the gateway filters. */
  query(query: AuditQuery): Awaitable<Iterable<AuditRecord>>;
}

/** Describes servers, in the form of a catalog file's entries, before every other catalog. */
export interface Catalog {
  list(): Awaitable<Record<string, JsonObject>>;
  get?(server: string): Awaitable<JsonObject | null | undefined>;
}

/** How sessions share a server: a fresh one for each call, one for each session, or one for all sessions. */
export type Isolation = "call" | "session" | "shared";

/** What a server may use; what is not said keeps its value. */
export interface LimitsSpec {
  /** Memory, such as `512m`. */
  memory?: string;
  /** Cores, such as `0.5`. */
  cpus?: number;
  /** Processes and threads. */
  pids?: number;
  /** How long one call may take, such as `90s`. */
  callTimeout?: string;
  /** How long a start may take, such as `2m`. */
  startTimeout?: string;
  /** The largest message from the server, such as `16m`. */
  maxMessage?: string;
}

/** One server of a profile. */
export interface ServerSpec {
  /** Its tools by name globs; none means all. A glob that begins with `!` takes tools out. */
  tools?: string[];
  /** Values for its catalog entry's configuration. */
  config?: JsonObject;
  /** Secrets that are kept under another name: environment variable to key. Names, never values. */
  secrets?: Record<string, string>;
  /** How it is given its secrets, all of them or by name, where that differs from its catalog entry. */
  delivery?: SecretDelivery | Record<string, SecretDelivery>;
  /** The hosts, `host:port`, that secrets with `delivery` `header` are for, by the secrets' names. */
  secretHosts?: Record<string, string[]>;
  limits?: LimitsSpec;
  /** What it may reach, `host:port`, where that differs from its catalog entry. */
  network?: "none" | "open" | string[];
  isolation?: Isolation;
  /** How long it may be idle before it is stopped, such as `5m`; `never` keeps it. */
  idle?: string;
  /** Host paths that its volumes may write to. */
  writable?: string[];
  runtime?: "docker" | "process" | "remote";
  /** Whether a remote server may be at a private address or without TLS. */
  allowPrivate?: boolean;
  /** How its tokens are got, where that is not to be found out from the server. */
  oauth?: OAuthSpec;
  /** What happens to secrets in what flows, where that differs from the profile's word. */
  redaction?: RedactionSpec;
  /** What happens when its image is not signed, whatever profile and catalog say. */
  verify?: VerifyMode;
}

/** A profile in code, in the form of a profile's file. */
export interface ProfileSpec {
  name: string;
  description?: string;
  catalogs?: string[];
  /** Its servers, in the order in which they get their tools' bare names. */
  servers?: Record<string, ServerSpec | null>;
  /** Tools by `server:tool` globs; none means all. */
  tools?: string[];
  limits?: LimitsSpec;
  isolation?: Isolation;
  policy?: PolicySpec;
  /** How people are asked about what policy lets through with a confirmation only. */
  approval?: ApprovalSpec;
  /** What the audit trail holds, and how it is kept. */
  audit?: AuditSpec;
  /** Whether agents may find, add and call servers by themselves. */
  dynamic?: DynamicSpec;
  /** How much may flow; every one that fits holds. */
  quotas?: QuotaSpec[];
  /** What happens to secrets in what flows; a server may differ. */
  redaction?: RedactionSpec;
  /** Which images must be signed, and by whom: signers by globs over repositories. */
  verify?: { mode?: VerifyMode; signers?: Record<string, Signer>; trustRoot?: string };
  /** Which of the servers that catalogs describe exist; it narrows what the home's `scope.yaml` lets in. */
  scope?: { allow?: ScopeRule[]; deny?: ScopeRule[] };
}

/** Some servers, by what their catalog entry says; every condition that is written must hold. Globs may be several. */
export interface ScopeRule {
  server?: string | string[];
  /** `owner` among the entry's metadata. */
  publisher?: string | string[];
  category?: string | string[];
  license?: string | string[];
  /** The catalog that it comes from, as it is registered. */
  source?: string | string[];
  verification?: "signer" | "verified" | "unsigned";
  /** Whether the entry carries an approval that is of what it says now. */
  approved?: boolean;
  /** Why, for the operator who asks. */
  reason?: string;
}

/** Whether agents may find, add and call servers by themselves, and what becomes of what they have added. */
export interface DynamicSpec {
  /** Whether the gateway offers its own tools. */
  enabled?: boolean;
  /** Whether a change may be kept in the profile; `never` where nothing is written. */
  save?: "never" | "ask" | "always";
  /** Whether lists of tools show the gateway's own alone. */
  lean?: boolean;
  /** Whether the person at the client may type secrets that an added server lacks, on a page of this machine. */
  secretPage?: boolean;
  /** Which of its own tools the gateway offers; none means all of them. */
  tools?: string[];
  /** Globs over the names of other profiles that agents see, and whose servers they may add; none where nothing is written. */
  profiles?: string[];
}

/** What happens where something is found: refused or withheld, cut out, let through and recorded, not looked for. */
export type RedactionMode = "block" | "redact" | "warn" | "off";

/**
 * What happens to what looks like a provider's token, and to secrets in arguments. The values of a server's own secrets
 * are cut out of whatever it sends, whatever is written here.
 */
export interface RedactionSpec {
  /** What a client sends to a server: `block` where nothing is written. */
  arguments?: RedactionMode;
  /** What a server sends towards a client: `redact` where nothing is written. */
  results?: RedactionMode;
  /** The kinds of tokens that are let through, such as `jwt`. */
  except?: string[];
}

/** How people are asked about what policy lets through with a confirmation only. */
export interface ApprovalSpec {
  /** What a call does while an operator has not answered: it waits, or ends and says how it is approved. */
  pending?: "wait" | "return";
  /** How long a call waits for an operator, such as `2m`, which is the default. */
  wait?: string;
  /** With `return`, how long a question and its answer are good, such as `10m`, which is the default. */
  goodFor?: string;
  /** How long a yes for more than one request holds at most, such as `8h`, which is the default. */
  remember?: string;
  /** Principals whose clients show hard confirmations to a person who may give them. */
  trustedClients?: string[];
  /** A program elsewhere that is asked in the place of the queue; `secret` is the key of the secret that both sign with. */
  webhook?: { url: string; secret: string; allowPrivate?: boolean };
}

/** One bound on calls, prompts, reads, subscriptions and completions, counted for each server and principal that it names. */
export interface QuotaSpec {
  /** A glob over the names of servers. */
  server?: string;
  /** A glob over the names of principals. */
  principal?: string;
  /** How many requests in how much time, such as `60/1m`. */
  rate?: string;
  /** How many requests may be under way at once. */
  concurrency?: number;
  /** How many requests there may be in one day of UTC. */
  daily?: number;
  /** The largest result, such as `256k`. */
  maxResult?: string;
}

/** What may happen with requests; the first rule that matches decides. */
export interface PolicySpec {
  /** Rules that come with the gateway, after the profile's own; they are there too where neither this nor `default` is given. */
  preset?: "default";
  /** What may happen with a request that no rule matches; without `preset`, in the place of the rules that come with the gateway. */
  default?: Effect;
  rules?: PolicyRuleSpec[];
  /** Files with Cedar policies; they decide too, and the stricter of both decisions counts. */
  cedar?: string[];
}

/** A kind of request that rules tell apart. */
export type RuleKind =
  | "tools/call"
  | "prompts/get"
  | "resources/read"
  | "resources/subscribe"
  | "resources/unsubscribe"
  | "completion/complete"
  | "tools/list"
  | "prompts/list"
  | "resources/list"
  | "resources/templates/list"
  | "server/add"
  | "server/remove"
  | "config/set"
  | "profile/create";

/**
 * One rule: what it covers, by all that is said, and what may happen with it.
 *
 * Of globs, one or several, one has to match, and none that begins with `!`.
 */
export interface PolicyRuleSpec {
  /** Its name, which decisions and records show. */
  id?: string;
  /** Globs over the canonical name `server.tool`. */
  match?: string | string[];
  server?: string | string[];
  /** Globs over the tool's or prompt's own name, or the resource's URI. */
  tool?: string | string[];
  kind?: RuleKind | RuleKind[];
  /** What the tool's annotations say; they tighten, unless they are approved. `null` for one that is not there. */
  annotations?: JsonObject;
  /** Whether an operator has approved the definition. */
  approved?: boolean;
  /** What must hold for argument values, by JSON pointer. */
  arguments?: Record<string, PolicyPredicate>;
  principal?: string | string[];
  role?: string | string[];
  profile?: string | string[];
  /** When it counts: times of day such as `08:30`, by the clock of a zone such as `Europe/Berlin`. */
  time?: {
    from?: string;
    until?: string;
    days?: ("mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun")[];
    zone?: string;
  };
  effect: Effect;
  /** Why, for the person whom it stops. */
  reason?: string;
}

/** What must hold for a value; a value that is not there fulfils nothing but `exists: false` and `not`. */
export interface PolicyPredicate {
  exists?: boolean;
  equals?: unknown;
  in?: unknown[];
  glob?: string;
  above?: number;
  below?: number;
  atLeast?: number;
  atMost?: number;
  minLength?: number;
  maxLength?: number;
  anyItem?: PolicyPredicate;
  not?: PolicyPredicate;
}

/** A request that policy is asked about and that is not carried out. */
export interface PolicyQuestion {
  /** The name under which it is shown, `server.tool`, or a resource's URI. */
  name?: string;
  kind?: RuleKind;
  arguments?: JsonObject;
  principal?: string;
  roles?: string[];
  /** As they are recorded where nothing is said. */
  annotations?: JsonObject;
  approved?: boolean;
  /** RFC 3339 in UTC; now where nothing is said. */
  time?: string;
}

/** A request, and what is expected of policy. */
export interface PolicyCase {
  ask: PolicyQuestion;
  expect: Effect;
  /** The rule that has to decide, where that matters. */
  rule?: string;
}

/** What would be decided about a request, and what was looked at. */
export interface PolicyExplanation {
  decision: Required<Decision>;
  target?: string;
  approved?: boolean;
  /** Why it is refused whatever is decided: its definition is held back. */
  held?: string;
  steps?: { rule: string; effect: Effect; unmet?: string; asks?: string[] }[];
}

/** Which recorded decisions would be others now. */
export interface PolicyDryRun {
  records: number;
  same: number;
  changes: {
    sequence: number;
    time: number;
    principal: string;
    action: string;
    target: string;
    before: Required<Decision>;
    after: Required<Decision>;
    /** What a rule asked for that was not recorded: `arguments`, `role`. */
    unrecorded?: string[];
  }[];
  /** How many, among all, depend on what was not recorded. */
  uncertain: number;
}

/** What a server offers, as an operator looks at it before approving it. */
export interface ServerSurface {
  server: string;
  /** What runs: the image's digest or id, the package with its version, the address. */
  identity: string;
  /** Whether every definition is approved. */
  approved: boolean;
  by?: string;
  time?: string;
  items: { list: string; name: string; definition: string; annotations?: JsonObject; approved: boolean }[];
}

/** What a server offers that is not what was accepted of it; hidden characters are written out. */
export interface SurfaceDiff {
  server: string;
  /** What runs: the image's digest or id, the package with its version, the address. */
  identity: string;
  /** What ran when something was accepted last. */
  acceptedIdentity?: string;
  /** Names what is held back: an approval that gives it is of exactly that. */
  id: string;
  /** How many items are held back. */
  held: number;
  items: {
    /** Such as `tools`; `instructions` for the server's instructions. */
    list: string;
    name: string;
    change: "added" | "changed" | "removed" | "flagged";
    held: boolean;
    /** Whether it is offered to a session alone. */
    session?: boolean;
    definition: string;
    fields?: { field: string; before: unknown; after: unknown }[];
    flags?: { kind: "gateway_name" | "shadows" | "hidden_characters"; field?: string; detail: string }[];
  }[];
}

/** What a gateway is opened with; everything has a default. */
export interface OpenOptions {
  /** The folder that holds the state; `$MCP_GATEWAY_HOME` or `~/.mcp-gateway` where it is not named. */
  home?: string;
  /** Registered catalogs by name, files or folders by path, catalogs as objects; the last one wins. */
  catalogs?: (string | JsonObject)[];
  /** Servers that an object of yours describes. */
  catalog?: Catalog;
  /** Exactly these servers, with the profile's settings where it has them. */
  servers?: string[];
  /** Only these tools, by `server:tool` globs. */
  tools?: string[];
  /** An object of yours that holds the secrets, or a mapping of them; the home's own store is then not asked. */
  secrets?: SecretBroker | Readonly<Record<string, string>> | ReadonlyMap<string, string>;
  /** Stores such as `env:GITHUB_TOKEN`, `file:.env`, `age:PATH`, before the home's own. */
  secretStores?: string[];
  /** An object of yours that decides, instead of the profile's rules. */
  policy?: Policy;
  /** An object of yours that asks a person; without one, whatever needs a confirmation is denied. */
  approver?: Approver;
  /** An object of yours that answers what servers ask in the course of a call; without one, they cannot ask. */
  client?: Client;
  /** An object of yours that keeps records, an SQLite file, or `memory`; the home's file where it is not said. */
  audit?: AuditStore | string;
  /** What may start servers; all that this machine has by default. */
  runtimes?: ("docker" | "process" | "remote")[];
  /** Whether processes are refused that this machine cannot isolate fully. */
  requireIsolation?: boolean;
  /** Whether agents may find, add and call servers by themselves; what the profile says where it is not said. */
  dynamic?: boolean;
  /** Whether lists show the gateway's own tools alone; `dynamic` goes with it. */
  lean?: boolean;
  /**
   * Whether the person at the client may type secrets that an added server lacks, on a page of this machine; needs `dynamic`,
   * or a profile that lets agents add servers.
   */
  secretPage?: boolean;
  /** The folder of a model of meaning, by which servers and tools are found too; `MCP_GATEWAY_EMBEDDER` where it is not said. */
  embedder?: string;
  /** Which engine is meant, where that is not the one that `docker` uses. */
  docker?: { host?: string; context?: string; config?: string };
  /** What counts where neither profile nor catalog says it. */
  defaults?: { isolation?: Isolation; idle?: string; memory?: string; cpus?: number; network?: "none" | "open" };
  /** Bounds and times of the gateway. */
  bounds?: {
    /** How many servers may be starting at once; 4 by default. */
    startConcurrency?: number;
    /** How long a list waits for servers that were never seen; 20 s by default. */
    listWaitSeconds?: number;
    /** How long a pull or an installation may take; 600 s by default. */
    prepareTimeoutSeconds?: number;
    /** How many started servers wait for calls, per server that is fresh for each call; 2 by default. */
    poolSize?: number;
    /** How many sessions may be open; 1,000 by default. */
    maxSessions?: number;
    /** How many requests may be under way; 1,024 by default. */
    maxInFlight?: number;
    /** How long any client may take to answer what a server asks; 600 s by default. */
    questionTimeoutSeconds?: number;
    /** How many items one page of a list has; 1,000 by default. */
    pageSize?: number;
  };
  /** `registry.yaml`, `config.yaml` and `tools.yaml` of Docker's MCP Toolkit. */
  registry?: string;
  config?: string;
  toolsConfig?: string;
  /** How long an object of yours may take to answer; 30 s by default. Then the request is denied. */
  hostTimeoutSeconds?: number;
  /** How long an approver of yours may take; 300 s by default. */
  approvalTimeoutSeconds?: number;
  /** How long a client of yours may take; 600 s by default. */
  clientTimeoutSeconds?: number;
  /** The gateway's own threads; 2 by default. */
  workerThreads?: number;
  /** Whose requests those of the gateway's own methods are; `local` by default. */
  principal?: string;
  /** What policies may tell that principal apart by, beside its name; none by default. */
  roles?: string[];
  /** Gives up opening. */
  signal?: AbortSignal;
}

/** What a request says beside its parameters. */
export interface RequestOptions {
  /** When the caller stops waiting, in milliseconds. */
  timeoutMs?: number | undefined;
  /** Cancels the request, at the server too; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What a call says beside its arguments. */
export interface CallOptions extends RequestOptions {
  /** Hears of its progress. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** The `_meta` of the request. */
  meta?: JsonObject | undefined;
}

/** Arguments of a tool: an object, or JSON text, which is passed on without being read. */
export type Arguments = object | string;

/** The shape of tools that a model API takes. */
export type Dialect = "openai-chat" | "openai-responses" | "anthropic" | "gemini";

/**
 * One client's session: what it asks goes through policy, approval and audit.
 *
 * Names of tools are those that `listTools` shows, or canonical names `server.tool`. Every method rejects with a
 * `GatewayError`, or with the reason of an aborted signal.
 */
export declare class Session {
  protected constructor();
  /** Its id, which events and records carry. */
  readonly id: string;
  /** Whose it is, as policy and records see it. */
  readonly principal: string;
  /** Every tool that the profile offers; servers that were never seen are started once for it. */
  listTools(): Promise<Tool[]>;
  /** Calls a tool. */
  callTool(name: string, args?: Arguments, options?: CallOptions): Promise<ToolResult>;
  /** Calls a tool and gives the JSON of its result, as the server sent it and without reading it. */
  callToolRaw(name: string, args?: Arguments, options?: CallOptions): Promise<Uint8Array>;
  listPrompts(): Promise<Prompt[]>;
  /** Fills a prompt in. */
  getPrompt(name: string, args?: Record<string, string>): Promise<PromptResult>;
  listResources(): Promise<Resource[]>;
  listResourceTemplates(): Promise<ResourceTemplate[]>;
  readResource(uri: string): Promise<ResourceContents[]>;
  /** Asks for an event `resource_updated` whenever a resource is another one. */
  subscribe(uri: string): Promise<void>;
  unsubscribe(uri: string): Promise<void>;
  /** How a value may go on, for an argument of a prompt or resource template. */
  complete(
    ref: { type: "ref/prompt"; name: string } | { type: "ref/resource"; uri: string },
    argument: string,
    value: string,
  ): Promise<string[]>;
  /** Asks this session's servers for log messages from this level on; they are events of type `log`. */
  setLogLevel(
    level: "debug" | "info" | "notice" | "warning" | "error" | "critical" | "alert" | "emergency",
  ): Promise<void>;
  /** Tells this session's servers that your client's roots are others now; they may then ask for them again. */
  rootsChanged(): Promise<void>;
  /** Carries out any MCP request that the gateway serves, and gives its result: of a list, one page. */
  request(method: string, params?: JsonObject, options?: RequestOptions): Promise<any>;
  /** The tools in the shape of a model API, with valid names and schemas. */
  presentTools(dialect: Dialect): Promise<ToolSet>;
  /** Ends the session and gives its servers back. May be called twice. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * An open gateway: one profile, one secret scope, one server set, one policy, one audit trail.
 *
 * It has threads of its own and shares nothing with another gateway. Close it; what nobody closes is closed when it is
 * forgotten, and when the process ends.
 */
export declare class Gateway extends Session {
  protected constructor();
  /**
   * Opens a gateway; no server is started, and no profile's file is changed.
   *
   * The profile is the name of one that the home has, or one in code; `default` where it is not said.
   */
  static open(profile?: string | ProfileSpec | null, options?: OpenOptions): Promise<Gateway>;
  /** The profile's name. */
  readonly profile: string;
  /** What is odd about the catalogs: entries that were left out. */
  readonly warnings: readonly string[];
  /** Opens another session, with servers of its own. */
  session(options?: { principal?: string; roles?: string[] }): Promise<Session>;
  /** The servers of the profile and how they are. */
  servers(): Promise<ServerStatus[]>;
  /** The servers of the catalogs, and their tools, that fit a query best. */
  find(query: string, options?: FindOptions): Promise<Matches>;
  /** What a server would get if it were started now. */
  inspect(server: string): Promise<Inspection>;
  /** What a server offers, to be looked at before it is approved; one that was never seen is started. */
  surfaceOf(server: string): Promise<ServerSurface>;
  /**
   * Approves what a server offers now: what was held back is offered, and its annotations are believed; void for what
   * changes. With `items` only these; with the `id` of a `diff` only if what is held back is still the same.
   */
  approveServer(
    server: string,
    options?: { by?: string; items?: readonly string[]; diff?: string },
  ): Promise<ServerSurface>;
  /** What a server offers that is not what was accepted of it, and what of it is held back. */
  diff(server: string): Promise<SurfaceDiff>;
  /** Takes the approval of a server back; gives whether there was one. */
  revokeServer(server: string, options?: { by?: string }): Promise<boolean>;
  /** What would be decided about a request, and why; nothing is carried out, recorded or started. */
  policyExplain(question: PolicyQuestion): Promise<PolicyExplanation>;
  /** How cases come out, each beside what is expected. */
  policyTest(cases: PolicyCase[]): Promise<{ case: PolicyCase; decision: Required<Decision>; passed: boolean }[]>;
  /** Which recorded decisions would be others now. */
  policyDryRun(query?: AuditQuery): Promise<PolicyDryRun>;
  /** What is odd about the profile's rules. */
  policyCheck(): Promise<{ index: number; key: string; message: string; hint: string }[]>;
  /** What runs for the gateways of this home. */
  instances(): Promise<Instance[]>;
  /** The same with how busy each is, which takes a second to find out. */
  stats(): Promise<Instance[]>;
  /** Puts a server of the catalogs into this gateway's profile; clients see it at once. */
  addServer(server: string, settings?: ServerSpec): Promise<void>;
  /** Takes a server out of this gateway's profile and stops it. */
  removeServer(server: string): Promise<void>;
  /** Records, oldest first. */
  audit(query?: AuditQuery): Promise<AuditRecord[]>;
  /** Checks the audit trail; `noted` is a head that was noted elsewhere, as `number:hash`. */
  verifyAudit(options?: { key?: string; noted?: string }): Promise<AuditVerification>;
  /** The newest record as `number:hash`, to be noted where nobody can change it. */
  auditHead(): Promise<string | null>;
  /** Reports on servers, tools, people, approvals and denials. */
  auditReport(options?: { since?: number }): Promise<AuditReport>;
  /** The report as one page that needs nothing else and can be printed, or as a table. */
  renderAuditReport(options?: { format?: "html" | "csv"; since?: number }): Promise<string>;
  /** Writes the audit trail into a file; how many records. */
  exportAudit(to: string, options?: { format?: AuditExportFormat; since?: number }): Promise<number>;
  /** What waits for an operator's answer, in any gateway of the home. */
  approvals(): Promise<PendingApproval[]>;
  /** Lets the request that waits under this id go on: for operators, and out of every agent's reach. A hard one needs a reason. */
  approve(
    id: string,
    answer: { by: string; reason?: string; scope?: ApprovalScope; ttlSeconds?: number },
  ): Promise<void>;
  /** Refuses the request that waits under this id; the reason is shown to who asked. */
  reject(id: string, answer: { by: string; reason?: string }): Promise<void>;
  /** The approvals that hold for more than one request. */
  grants(): Promise<Grant[]>;
  /** Ends an approval that holds for more than one request. */
  revoke(id: string): Promise<void>;
  /** The counters in Prometheus's text form. */
  metrics(): Promise<string>;
  /** How the remote servers are authorized that need it. */
  oauthStatus(): Promise<OAuthStatus[]>;
  /**
   * Begins to authorize a remote server: open `url` in a browser, then call `oauthFinish`.
   *
   * Without `redirectUri` the browser ends at an address of this machine where nobody listens: take it from there.
   */
  oauthBegin(server: string, request?: { redirectUri?: string; scopes?: string[] }): Promise<OAuthBegun>;
  /** Finishes an authorization with the whole address that the browser was sent back to, or the code in it. */
  oauthFinish(server: string, answer: string): Promise<OAuthStatus>;
  /** Ends an authorization; gives why the authorization server did not take the tokens back, if it did not. */
  oauthRevoke(server: string): Promise<string | undefined>;
  /** What happens from this call on. */
  events(options?: { signal?: AbortSignal }): Events;
  /**
   * Has a function called with each event, or with those of some types; returns what ends it.
   *
   * It does not keep the process alive. What the listener throws is an uncaught exception.
   */
  listen(listener: (event: GatewayEvent) => unknown, ...types: GatewayEvent["type"][]): () => void;
  /** What the clients of the official SDKs and of the AI SDK take as a transport, in this process. */
  transport(options?: { principal?: string; roles?: string[] }): GatewayTransport;
  /** Connects a client of this process that speaks MCP in JSON messages. */
  connect(
    onMessage: (text: string) => void,
    onClose: (reason?: GatewayError) => void,
    options?: { principal?: string; roles?: string[] },
  ): Promise<Connection>;
}

/** What happens in a gateway. At most 1,024 events wait; then the oldest are dropped, and `missed` says so. */
export declare class Events implements AsyncIterableIterator<GatewayEvent> {
  private constructor();
  next(): Promise<IteratorResult<GatewayEvent, undefined>>;
  return(value?: undefined): Promise<IteratorResult<GatewayEvent, undefined>>;
  [Symbol.asyncIterator](): this;
}

/** One client's connection: messages of MCP as JSON text, both ways. */
export declare class Connection {
  private constructor();
  /** Hands a message over without waiting; throws `closed`, `overloaded` or `too_large`. */
  send(text: string): void;
  /** Ends the connection and its session. May be called twice. */
  close(): Promise<void>;
}

/** Tools in the shape of one model API, and the way back: `tools` goes to the model, `execute` takes its calls. */
export declare class ToolSet {
  private constructor();
  readonly dialect: Dialect;
  /** The tools as the API takes them, ready for JSON. */
  readonly tools: JsonObject[];
  /** The gateway's name of each tool by the name that the API knows. */
  readonly names: Readonly<Record<string, string>>;
  /** What had to be adapted; the path is a JSON pointer into the tool's definition. */
  readonly changes: readonly { tool: string; path: string; change: string }[];
  /** The gateway's name of a tool that the API knows by this name; throws `not_found`. */
  nameOf(apiName: string): string;
  /** The name by which the API knows a tool of the gateway. */
  apiNameOf(name: string): string | undefined;
  /** A tool call of the API, with the gateway's name. */
  readCall(call: object | string): { id: string | null; name: string; arguments: JsonObject };
  /** What tells the model that its call was refused. */
  refusal(toolCall: object | string, message: string): JsonObject;
  /** What goes back to the model: a message, item, block or part of the API. */
  answer(call: { id: string | null; name: string; arguments: JsonObject }, result: ToolResult): JsonObject;
  /** Calls a tool by the name and with the arguments that the API knows. */
  call(apiName: string, args?: Arguments, options?: CallOptions): Promise<ToolResult>;
  /**
   * Carries out a tool call of the API and gives what goes back to the model.
   *
   * A tool that failed is told to the model, and so are the kinds `denied`, `not_found` and `invalid_input`. Every other
   * failure rejects: a secret that is missing, for one, or what fails in the gateway or in a server.
   */
  execute(toolCall: object | string, options?: CallOptions): Promise<JsonObject>;
}

export { GatewayTransport } from "./transport.js";
import type { GatewayTransport } from "./transport.js";

/** A gateway put together step by step, as in the other languages; each step is an option of `Gateway.open`. */
export declare class GatewayBuilder {
  constructor();
  withProfile(profile: string | ProfileSpec): this;
  withHome(home: string): this;
  withRegistry(file: string): this;
  withConfig(file: string): this;
  withToolsConfig(file: string): this;
  withCatalogs(...catalogs: (string | JsonObject)[]): this;
  withCatalog(catalog: Catalog): this;
  withServers(...servers: string[]): this;
  withTools(...tools: string[]): this;
  withSecrets(secrets: NonNullable<OpenOptions["secrets"]>): this;
  withSecretStores(...stores: string[]): this;
  withPolicy(policy: Policy): this;
  withApprover(approver: Approver): this;
  withClient(client: Client): this;
  withAudit(audit: AuditStore | string): this;
  withRuntimes(...runtimes: ("docker" | "process" | "remote")[]): this;
  withRequireIsolation(required: boolean): this;
  withDynamic(allowed: boolean): this;
  withLean(lean: boolean): this;
  withSecretPage(allowed: boolean): this;
  withEmbedder(folder: string): this;
  withDocker(docker: NonNullable<OpenOptions["docker"]>): this;
  withDefaults(defaults: NonNullable<OpenOptions["defaults"]>): this;
  withBounds(bounds: NonNullable<OpenOptions["bounds"]>): this;
  withHostTimeoutSeconds(seconds: number): this;
  withApprovalTimeoutSeconds(seconds: number): this;
  withClientTimeoutSeconds(seconds: number): this;
  withWorkerThreads(threads: number): this;
  withPrincipal(principal: string): this;
  /** What policies may tell the principal apart by, beside its name. */
  withRoles(...roles: string[]): this;
  withSignal(signal: AbortSignal): this;
  open(): Promise<Gateway>;
}

/** A reference to an image: repository, and a tag or a digest or both. */
export declare class ImageReference {
  private constructor();
  /** Reads `repository[:tag][@digest]`; throws `invalid_input` when a part is missing or not valid. */
  static parse(text: string): ImageReference;
  /** The host of the registry that holds the image; `docker.io` where none is written. */
  get registry(): string;
  /** The repository, with its registry if one was written. */
  get repository(): string;
  /** The tag, if one was written. */
  get tag(): string | null;
  /** The digest, if one was written. */
  get digest(): string | null;
  /** The reference as text. */
  toString(): string;
}
