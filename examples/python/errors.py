"""What the Python package has today: image references, and every error of the core as an exception.

The gateway itself follows; until then, start `mcp-gateway gateway run` as any MCP client would.
"""

from mcp_gateway import GatewayError, ImageReference, __version__

print("mcp-gateway", __version__)

image = ImageReference.parse("ghcr.io/example/server:1.2")
print(f"{image}: repository {image.repository}, tag {image.tag}")

try:
    ImageReference.parse("--privileged")
except GatewayError as error:
    # The kind is for programs, the message for people.
    print(f"{error.kind}: {error}")
else:
    raise SystemExit("an option was taken for an image")
