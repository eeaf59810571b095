import type { DynamicStructuredTool } from "@langchain/core/tools";
import type { Session } from "../index.js";

/**
 * The tools of a gateway for LangChain and LangGraph, for `createAgent`, `model.bindTools` or a `ToolNode`.
 *
 * Their names are names that model APIs accept; a tool's own name is `metadata.toolName`. The signal of a run's config
 * ends the calls that it makes. In answer to a model's tool call, a failure is a `ToolMessage` with the status `error`,
 * whether the tool failed or the gateway refused; invoked with plain arguments, a tool throws then. The artifact of a
 * message is the whole result.
 *
 * Needs the package `@langchain/core`, version 1.
 */
export declare function tools(gateway: Pick<Session, "listTools" | "presentTools" | "callTool">): Promise<DynamicStructuredTool[]>;
