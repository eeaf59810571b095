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
