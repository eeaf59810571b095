import type { Connection } from "./index.js";

/**
 * One client's connection to a gateway, as the official MCP clients take it: `new Client(...).connect(transport)` of
 * `@modelcontextprotocol/client` and of `@modelcontextprotocol/sdk`, `createMCPClient({ transport })` of `@ai-sdk/mcp`.
 *
 * A client calls the methods and sets the callbacks; a host only makes the transport, with `gateway.transport()`, and
 * hands it over. One transport serves one client at a time.
 */
export declare class GatewayTransport {
  /** Makes a transport that is connected by `connect` when a client starts it. */
  constructor(
    connect: (onMessage: (text: string) => void, onClose: (reason?: Error) => void) => Promise<Pick<Connection, "send" | "close">>,
  );
  /** Connects; rejects when it is connected already. */
  start(): Promise<void>;
  /** Sends one message; rejects when it is not connected, or when the gateway does not take the message. */
  send(message: object): Promise<void>;
  /** Disconnects. Resolves also when it is not connected. */
  close(): Promise<void>;
  /** Called once when the connection has ended, whoever ended it. */
  onclose?: () => void;
  /** Called with what went wrong beside the answers to requests, such as the reason why the gateway closed. */
  onerror?: (error: Error) => void;
  // Each SDK has a type of its own for messages.
  /** Called with each message of the gateway. */
  onmessage?: (message: any, extra?: any) => void;
}
