"""Embeddable, governed access to every MCP server, for agent frameworks."""

from mcp_gateway._native import ImageReference, __version__
from mcp_gateway.exceptions import GatewayError

__all__ = ["GatewayError", "ImageReference", "__version__"]
