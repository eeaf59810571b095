import type { Session, ToolSet } from "../index.js";

/** Tools as function declarations of the Gemini API. */
export interface GeminiTools extends ToolSet {
  readonly tools: { name: string; description?: string; parametersJsonSchema?: unknown }[];
}

/** The content that gives the results of a response's calls back to the model. */
export type Answer = {
  role: "user";
  parts: { functionResponse: { id?: string; name: string; response: Record<string, unknown> } }[];
};

/** The tools of a gateway for `generateContent({ config: { tools: [{ functionDeclarations: set.tools }] }, ... })`. */
export declare function tools(gateway: Pick<Session, "presentTools">): Promise<GeminiTools>;

/**
 * Makes all calls of a response at once. Returns what to append to the contents, after the content of the response: one
 * content, or nothing when the model called no tool. A host that has tools of its own in the same request calls
 * `set.execute` for each call that is not for them instead.
 */
export declare function answers(
  set: ToolSet,
  response: { candidates?: { content?: { parts?: { functionCall?: object }[] } }[] },
): Promise<Answer[]>;
