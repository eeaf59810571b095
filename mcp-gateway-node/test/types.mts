// Checked by tsc, never run: what the types promise to a strict importer.
import { type Client, GatewayError, ImageReference, version } from "mcp-gateway";

export const tag: string | null = ImageReference.parse("mcp/time").tag;
export const release: string = version;

export function reason(error: unknown): string {
  if (!(error instanceof GatewayError)) throw error;
  const code: `ERR_MCP_GATEWAY_${string}` = error.code;
  const server: string | undefined = error.context["server"];
  return error.kind === "not_found" ? `${code} ${server} ${error.cause?.message}` : error.hints.join();
}

// @ts-expect-error: there is no such kind
new GatewayError("no", { kind: "nothing" });
// @ts-expect-error: references are made by parse
new ImageReference();

// A client may have any of its methods.
export const client: Client = {
  elicit: ({ server }, request) => (request.mode === "url" ? false : { action: "accept", content: { name: server } }),
  roots: async () => ["file:///work", { uri: "file:///play", name: "play" }],
};
