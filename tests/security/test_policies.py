"""Each route declares who may call it, and refuses everyone else before it looks at the request."""

import re
from uuid import uuid4

import pytest
from fastapi import APIRouter, FastAPI

from tests.fixtures.web import api
from tests.security.operations import Operation, Operations
from tests.security.target import Target
from waypost.cli.services import service_named, service_names
from waypost.hosting.api import documented
from waypost.kernel.errors import Misconfigured
from waypost.kernel.role import Role
from waypost.testing.http import client_of
from waypost.testing.tokens import bearer, operator_bearer, principal
from waypost.web import ops
from waypost.web.auth import AdminCaller, Caller, OperatorCaller
from waypost.web.policies import policies, public, refuse_undeclared

POLICY = re.compile(r"any user|role (admin|owner|member)|operator|public: .{10,}")


def test_the_real_applications_declare_every_route(target: Target) -> None:
    """The applications of the processes, with everything that hosting adds."""
    refuse_undeclared(target.app)
    declared = {(route.path, method): route.policy for route in policies(target.app) for method in route.methods}
    assert [route for route, policy in declared.items() if not POLICY.fullmatch(policy or "")] == []
    paths = {route.path for route in target.app.routes if hasattr(route, "path")}
    assert paths - {path for path, _ in declared} <= {target.app.openapi_url, ""}


@pytest.mark.parametrize("service", service_names())
async def test_each_route_refuses_callers_that_its_policy_excludes(service: str) -> None:
    app = documented(service_named(service))
    callers = {
        "anonymous": {},
        "operator": operator_bearer(),
        **{f"role {role}": bearer(principal(role)) for role in Role},
    }
    async with client_of(api(*service_named(service).routers, *ops.ROUTERS)) as client:
        for operation in Operations(app).all:
            path = re.sub(r"{\w+}", str(uuid4()), operation.path)
            for caller, headers in callers.items():
                if (expected := refusal(operation, caller)) is not None:
                    answer = await client.request(operation.method, path, headers=headers)
                    assert answer.status_code == expected, (operation.name, caller, answer.text)


def refusal(operation: Operation, caller: str) -> int | None:
    """The status of the refusal; None if the policy admits the caller."""
    if operation.is_public:
        return None
    if caller == "anonymous":
        return 401
    if operation.is_for_operators or caller == "operator":
        return (None if caller == "operator" else 403) if operation.is_for_operators else 401
    lower = {"role owner": ("role member", "role admin"), "role admin": ("role member",)}
    return 403 if caller in lower.get(operation.policy, ()) else None


ROUTES = APIRouter()


@ROUTES.get("/members")
async def members(caller: Caller) -> None: ...


@ROUTES.get("/admins")
async def admins(caller: AdminCaller) -> None: ...


@ROUTES.get("/operators")
async def operators(operator: OperatorCaller) -> None: ...


@ROUTES.get("/everyone")
@public("has no data")
async def everyone() -> None: ...


def application(*routers: APIRouter) -> FastAPI:
    return api(ROUTES, *routers)


def test_the_policy_of_a_route_is_that_of_its_caller() -> None:
    found = {route.path: route.policy for route in policies(application())}
    assert {path: found[path] for path in ("/members", "/admins", "/operators", "/everyone")} == {
        "/members": "any user",
        "/admins": "role admin",
        "/operators": "operator",
        "/everyone": "public: has no data",
    }
    refuse_undeclared(application())


def test_a_route_without_a_policy_is_refused_at_the_start() -> None:
    forgotten = APIRouter()

    @forgotten.get("/forgotten")
    async def forgot() -> None: ...

    @forgotten.post("/both")
    @public("has no data")
    async def both(caller: Caller) -> None: ...

    mounted = application(forgotten)
    mounted.mount("/mounted", FastAPI())
    with pytest.raises(Misconfigured, match="who may call them") as refused:
        refuse_undeclared(mounted)
    assert refused.value.facts["routes"] == ["GET /forgotten", "POST /both", " /mounted"]
    assert "add" in str(refused.value).lower()


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_public_route_needs_a_reason(reason: str) -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        public(reason)
