"""What policies say about requests, and how principals are told apart."""

import asyncio

import pytest
from conftest import catalog, given

from mcp_gateway import (
    Decision,
    Gateway,
    GatewayBuilder,
    PolicyCase,
    PolicyRuleSpec,
    PolicySpec,
    ProfileSpec,
    ServerSpec,
    blocking,
)
from mcp_gateway.exceptions import DeniedError
from mcp_gateway.options import OpenArguments


def test_policy_is_explained_and_tested_and_a_server_approved(options: OpenArguments) -> None:
    rule = PolicyRuleSpec("cases.*", "deny", "too much", id="big", arguments={"/a": {"above": 9}})
    spec = ProfileSpec("governed", {"cases": ServerSpec()}, policy=PolicySpec(rules=[rule], preset="default"))
    cases: list[PolicyCase] = [
        PolicyCase({"name": "cases.add", "arguments": {"a": 1}}, "soft_confirm"),
        PolicyCase({"name": "cases.get_it", "annotations": {"destructiveHint": True}}, "hard_confirm"),
        PolicyCase({"name": "cases.add"}, "allow"),
    ]

    async def main() -> None:
        async with Gateway.open(spec, **options) as gateway:
            await gateway.list_tools()
            explained = await gateway.policy_explain("cases.add", {"a": 10})
            assert explained.decision == Decision("deny", "big", "too much")
            assert explained.target == "cases.add"
            assert [outcome.passed for outcome in await gateway.policy_test(cases)] == [True, True, False]
            assert await gateway.policy_check() == []
            assert not (await gateway.surface_of("cases")).approved
            assert (await gateway.approve_server("cases", by="ann")).approved
            assert (await gateway.policy_explain("cases.add")).approved
            assert await gateway.revoke_server("cases")
            with pytest.raises(DeniedError, match="too much"):
                await gateway.call_tool("add", {"a": 10, "b": 1})
            assert (await gateway.policy_dry_run())["uncertain"] == 1

    asyncio.run(main())
    with blocking.Gateway.open(spec, **options) as gateway:
        gateway.list_tools()
        assert gateway.policy_explain("cases.add", principal="ann", roles=["dev"]).decision.effect == "soft_confirm"
        assert [outcome.passed for outcome in gateway.policy_test(cases)] == [True, True, False]
        assert gateway.approve_server("cases").approved


def test_rules_tell_principals_apart_by_their_roles(options: OpenArguments) -> None:
    rules = [PolicyRuleSpec("cases.echo", "allow", role="writers"), PolicyRuleSpec("cases.echo", "deny", reason="read")]
    spec = ProfileSpec("roles", {"cases": ServerSpec()}, policy=PolicySpec("deny", rules=rules))

    async def main() -> None:
        async with Gateway.open(spec, **given(options, principal="ada", roles=["writers"])) as gateway:
            assert (await gateway.call_tool("cases.echo", {"text": "x"})).text == "x"
            async with gateway.session("agent", roles=["readers"]) as session:
                with pytest.raises(DeniedError, match="read"):
                    await session.call_tool("cases.echo", {"text": "x"})
            async with gateway.session("agent", roles=["readers", "writers"]) as session:
                assert (await session.call_tool("cases.echo", {"text": "x"})).text == "x"

    asyncio.run(main())
    builder = GatewayBuilder().with_profile(spec).with_home(str(options["home"])).with_catalogs(catalog())
    with builder.with_audit("memory").with_principal("ada", roles=["writers"]).open_blocking() as gateway:
        assert gateway.call_tool("cases.echo", {"text": "x"}).text == "x"
        with gateway.session("ada") as session, pytest.raises(DeniedError):
            session.call_tool("cases.echo", {"text": "x"})
