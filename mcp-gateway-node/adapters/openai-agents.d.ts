import type { Session } from "../index.js";

/** An MCP server as the OpenAI Agents SDK takes it. */
export interface GatewayServer {
  readonly name: string;
  cacheToolsList: boolean;
  /** Does nothing: the gateway is open. */
  connect(): Promise<void>;
  /** Does nothing: the gateway stays open, and is closed by whoever opened it. */
  close(): Promise<void>;
  invalidateToolsCache(): Promise<void>;
  listTools(): Promise<any[]>;
  callTool(
    toolName: string,
    args: Record<string, unknown> | null,
    meta?: Record<string, unknown> | null,
    options?: { signal?: AbortSignal },
  ): Promise<any>;
  callToolResult(
    toolName: string,
    args: Record<string, unknown> | null,
    meta?: Record<string, unknown> | null,
    options?: { signal?: AbortSignal },
  ): Promise<any>;
}

/**
 * A gateway for the OpenAI Agents SDK: `new Agent({ mcpServers: [server(gateway)], ... })`.
 *
 * Names of tools are such that the API accepts them. Agents tell servers apart by `name`.
 */
export declare function server(
  gateway: Pick<Session, "listTools" | "presentTools" | "callTool">,
  options?: { name?: string },
): GatewayServer;
