import type { Session, ToolSet } from "../index.js";

/** Tools in the shape of the Chat Completions API. */
export interface ChatTools extends ToolSet {
  readonly tools: {
    type: "function";
    function: { name: string; description?: string; parameters: { [key: string]: unknown } };
  }[];
}

/** Tools in the shape of the Responses API. */
export interface ResponsesTools extends ToolSet {
  readonly tools: {
    type: "function";
    name: string;
    description?: string;
    parameters: { [key: string]: unknown };
    strict: boolean;
  }[];
}

/** What a call of a tool gives back to the Chat Completions API. */
export type ChatAnswer = { role: "tool"; tool_call_id: string; content: string };

/** What a call of a tool gives back to the Responses API. */
export type ResponsesAnswer = { type: "function_call_output"; call_id: string; output: any };

/** The tools of a gateway for `openai.chat.completions.create({ tools: set.tools, ... })`. */
export declare function chatTools(gateway: Pick<Session, "presentTools">): Promise<ChatTools>;

/** The tools of a gateway for `openai.responses.create({ tools: set.tools, ... })`. */
export declare function responsesTools(gateway: Pick<Session, "presentTools">): Promise<ResponsesTools>;

/**
 * Makes all calls of a response at once. Returns what to append to the conversation, after the response itself: one
 * item for each call, nothing when the model called no tool. A host that has tools of its own in the same request calls
 * `set.execute` for each call that is not for them instead.
 */
export declare function answers(
  set: ToolSet,
  completion: { choices: readonly { message: { tool_calls?: readonly object[] | null } }[] },
): Promise<ChatAnswer[]>;
export declare function answers(set: ToolSet, response: { output: readonly { type: string }[] }): Promise<ResponsesAnswer[]>;
