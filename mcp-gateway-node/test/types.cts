// Checked by tsc, never run: the same types for `require`.
import gateway = require("mcp-gateway");

export const reference: gateway.ImageReference = gateway.ImageReference.parse("mcp/time");
export const kinds: gateway.ErrorKind[] = gateway.errorKinds();
