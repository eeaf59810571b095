// What the Node package has today: image references, and every error of the core as a GatewayError with a code.
// The gateway itself follows; until then, start `mcp-gateway gateway run` as any MCP client would.
import { GatewayError, ImageReference, version } from "mcp-gateway";

console.log("mcp-gateway", version);

const image = ImageReference.parse("ghcr.io/example/server:1.2");
console.log(`${image}: repository ${image.repository}, tag ${image.tag}`);

try {
  ImageReference.parse("--privileged");
  process.exitCode = 1;
} catch (error) {
  if (!(error instanceof GatewayError)) throw error;
  // The code is for programs, the message for people.
  console.log(`${error.code}: ${error.message}`);
}
