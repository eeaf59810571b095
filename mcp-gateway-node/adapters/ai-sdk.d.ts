import type { ToolSet } from "ai" with { "resolution-mode": "import" };
import type { Session } from "../index.js";

/**
 * The tools of a gateway for the Vercel AI SDK, to be passed as `tools` to `generateText`, `streamText` or an agent.
 *
 * Keys are names that model APIs accept; a tool's own name is `metadata.toolName`. The abort signal of a run ends the
 * calls that it makes. A tool that fails is shown to the model as an error; a call that the gateway refuses throws, and
 * the SDK makes a tool error of that.
 *
 * Needs the package `ai`, version 6 or 7.
 */
export declare function tools(gateway: Pick<Session, "listTools" | "presentTools" | "callTool">): Promise<ToolSet>;
