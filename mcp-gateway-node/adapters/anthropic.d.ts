import type { Session, ToolSet } from "../index.js";

/** Tools in the shape of the Messages API. */
export interface AnthropicTools extends ToolSet {
  readonly tools: { name: string; description?: string; input_schema: { type: "object"; [key: string]: unknown } }[];
}

/** The message that gives the results of a message's calls back to the model. */
export type Answer = {
  role: "user";
  content: { type: "tool_result"; tool_use_id: string; content: any; is_error?: boolean }[];
};

/** The tools of a gateway for `anthropic.messages.create({ tools: set.tools, ... })`. */
export declare function tools(gateway: Pick<Session, "presentTools">): Promise<AnthropicTools>;

/**
 * Makes all calls of a message at once. Returns what to append to the conversation, after the message itself: one
 * message, or nothing when the model called no tool. A host that has tools of its own in the same request calls
 * `set.execute` for each call that is not for them instead.
 */
export declare function answers(set: ToolSet, message: { content: readonly { type: string }[] }): Promise<Answer[]>;
