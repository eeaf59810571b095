"""Embeddable, governed access to every MCP server, for agent frameworks."""

from mcp_gateway._native import __version__
from mcp_gateway.approval import Answer, Approver, Question
from mcp_gateway.audit import AuditQuery, AuditRecord, AuditStore
from mcp_gateway.builder import GatewayBuilder
from mcp_gateway.catalog import Catalog
from mcp_gateway.client import Client, ClientContext, Elicitation, ElicitationAnswer, Root, Sampling
from mcp_gateway.exceptions import GatewayError
from mcp_gateway.gateway import Connection, Events, Gateway, Opening, Session, ToolSet
from mcp_gateway.model import (
    CallContext,
    Event,
    ImageReference,
    Inspection,
    Match,
    OAuthBegun,
    OAuthStatus,
    Progress,
    Prompt,
    PromptResult,
    Resource,
    ResourceTemplate,
    ServerStatus,
    Tool,
    ToolResult,
)
from mcp_gateway.options import Bounds, DefaultSettings, DockerOptions
from mcp_gateway.policy import Decision, Policy, Request
from mcp_gateway.profile import (
    AuditSpec,
    LimitsSpec,
    OAuthSpec,
    PolicyRuleSpec,
    PolicySpec,
    ProfileSpec,
    QuotaSpec,
    RedactionMode,
    RedactionSpec,
    RotateSpec,
    ServerSpec,
)
from mcp_gateway.secrets import SecretBroker, SecretKey
from mcp_gateway.transport import Transport

__all__ = [
    "Answer",
    "Approver",
    "AuditQuery",
    "AuditRecord",
    "AuditSpec",
    "AuditStore",
    "Bounds",
    "CallContext",
    "Catalog",
    "Client",
    "ClientContext",
    "Connection",
    "Decision",
    "DefaultSettings",
    "DockerOptions",
    "Elicitation",
    "ElicitationAnswer",
    "Event",
    "Events",
    "Gateway",
    "GatewayBuilder",
    "GatewayError",
    "ImageReference",
    "Inspection",
    "LimitsSpec",
    "Match",
    "OAuthBegun",
    "OAuthSpec",
    "OAuthStatus",
    "Opening",
    "Policy",
    "PolicyRuleSpec",
    "PolicySpec",
    "ProfileSpec",
    "Progress",
    "Prompt",
    "PromptResult",
    "Question",
    "QuotaSpec",
    "RedactionMode",
    "RedactionSpec",
    "Request",
    "Resource",
    "ResourceTemplate",
    "Root",
    "RotateSpec",
    "Sampling",
    "SecretBroker",
    "SecretKey",
    "ServerSpec",
    "ServerStatus",
    "Session",
    "Tool",
    "ToolResult",
    "ToolSet",
    "Transport",
    "__version__",
]
