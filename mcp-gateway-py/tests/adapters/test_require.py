"""What is optional stays optional, and says how to install it."""

import importlib
import sys

import pytest


@pytest.mark.parametrize(
    ("adapter", "module", "package"),
    [
        ("fastmcp", "fastmcp.client.transports", "fastmcp"),
        ("langchain", "langchain_core.tools", "langchain-core"),
        ("openai_agents", "agents", "openai-agents"),
        ("pydantic_ai", "pydantic_ai", "pydantic-ai-slim"),
    ],
)
def test_an_adapter_says_how_to_install_its_package(
    monkeypatch: pytest.MonkeyPatch, adapter: str, module: str, package: str
) -> None:
    monkeypatch.delitem(sys.modules, f"mcp_gateway.adapters.{adapter}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"pip install --upgrade {package}`"):
        importlib.import_module(f"mcp_gateway.adapters.{adapter}")


@pytest.mark.parametrize(
    ("adapter", "module"), [("anthropic", "anthropic"), ("gemini", "google"), ("openai", "openai")]
)
def test_an_adapter_of_an_api_needs_no_package(monkeypatch: pytest.MonkeyPatch, adapter: str, module: str) -> None:
    monkeypatch.delitem(sys.modules, f"mcp_gateway.adapters.{adapter}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    importlib.import_module(f"mcp_gateway.adapters.{adapter}")
