"""`[tool.waypost]` names everything that another application would name otherwise."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.stack.places import TOOLKIT
from waypost.kernel.errors import Misconfigured
from waypost.project import Project, read_project

ACME = """
[tool.waypost]
services = "acme.services"
schemas = "acme.schemas"
namespace = "com.acme"
topic_prefix = "staging."
token_issuer = "https://login.acme.example"
token_audience = "acme-apis"
problem_prefix = "https://acme.example/problems/"
environment_prefix = "ACME_"
metrics_prefix = "acme_"
environment_directory = "run/environment"
start_command = "acme up"
"""

PROGRAM = """
import asyncio, json
from datetime import UTC, datetime
from joserfc.jwk import OKPKey
from prometheus_client import generate_latest
from waypost.cli.services import environment_of, service_names, service_named
from waypost.engine import failpoints
from waypost.hosting.api import documented
from waypost.hosting.asyncapi import asyncapi_of
from waypost.hosting.settings import MigrateSettings, WorkerSettings, load
from waypost.kernel.clock import SystemClock
from waypost.kernel.errors import WaypostError
from waypost.schemas.lint import lint
from waypost.schemas.sources import read_sources
from waypost.schemas.topics import topic_names
from waypost.telemetry import metrics
from waypost.project import project
from waypost.web.keys import LocalKeys
from waypost.web.tokens import TokenVerifier, sign

def raised(act):
    try:
        act()
    except WaypostError as error:
        return str(error)

key = OKPKey.generate_key("Ed25519", {"kid": "1"})
token = sign({"sub": "ada"}, key, at=datetime.now(UTC))
claims = asyncio.run(TokenVerifier(LocalKeys(key), SystemClock()).verify(token))
service = service_named("shop")
folder = project().schemas_folder
print(json.dumps({
    "services": list(service_names()),
    "dsn": load(MigrateSettings).owner_dsn,
    "missing": raised(lambda: load(WorkerSettings)),
    "environment": dict(environment_of("shop")),
    "away": raised(lambda: environment_of("till")),
    "metrics": sorted({line.split()[2] for line in generate_latest().decode().splitlines() if line.startswith("# TYPE")}),
    "iss": claims["iss"],
    "aud": claims["aud"],
    "failpoints": failpoints.VARIABLE,
    "title": documented(service).title,
    "events": asyncapi_of(service),
    "lint": [str(each) for each in lint(read_sources(folder), topic_names(folder))],
    "topics": [each.name for each in service.topics],
}))
"""

PROBLEM = """
import json
from waypost.hosting.api import documented
from waypost.cli.services import service_named
from starlette.testclient import TestClient
print(json.dumps(TestClient(documented(service_named("shop"))).get("/nowhere").json()))
"""

SHOP = """
from acme.schemas.shop import OrderPlaced
from waypost.hosting.service import Service

async def take(opened, rows): ...

def place(tenant_id, order_id):
    return OrderPlaced(tenant_id=tenant_id, order_id=order_id)

SERVICE = Service(name="shop", commands={}, projections=[], consumers=[])
"""

ORDER = {
    "type": "record",
    "namespace": "com.acme.shop",
    "name": "OrderPlaced",
    "doc": "A customer ordered.",
    "topic": "shop.order",
    "event_type": "order.placed",
    "fields": [
        {"name": "tenant_id", "type": {"type": "string", "logicalType": "uuid"}, "doc": "The tenant."},
        {"name": "order_id", "type": {"type": "string", "logicalType": "uuid"}, "doc": "The order; key of the record."},
    ],
}

TOPICS = """
defaults: {partitions: 4, replication: 1, configuration: {cleanup.policy: delete, retention.ms: '60000', retention.bytes: '-1'}}
topics: {shop.order: orders of customers}
"""


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application with one service, in its own packages; `generate` and `lock` are functions of
    the toolkit.
    """
    root = tmp_path_factory.mktemp("acme")
    for file, text in {
        "pyproject.toml": ACME,
        "acme/__init__.py": "",
        "acme/services/__init__.py": "",
        "acme/services/shop/__init__.py": "",
        "acme/services/shop/app.py": SHOP,
        "acme/schemas/__init__.py": "",
        "acme/schemas/topics.yaml": TOPICS,
        "acme/schemas/upcasters.py": "UPCASTERS = {}\n",
        "acme/schemas/avro/order.placed/1.avsc": json.dumps(ORDER),
        "run/environment/shop.env": "ACME_APP_DSN=postgresql://shop\n",
    }.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    run(root, "-m", "waypost.cli", "schemas", "lock")
    run(root, "-m", "waypost.cli", "schemas", "generate")
    return root


@pytest.fixture(scope="module")
def told(acme: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(acme, "-c", PROGRAM).splitlines()[-1])
    return answer


def run(root: Path, *arguments: str) -> str:
    environment = {
        "PYTHONPATH": f"{root}:{TOOLKIT}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ACME_OWNER_DSN": "postgresql://acme",
        "WAYPOST_OWNER_DSN": "postgresql://other",
    }
    finished = subprocess.run(
        [sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_settings_are_read_under_the_applications_prefix(told: dict[str, Any]) -> None:
    assert told["dsn"] == "postgresql://acme"
    assert "ACME_KAFKA_BOOTSTRAP: Field required" in told["missing"]
    assert "WAYPOST_" not in told["missing"]
    assert told["failpoints"] == "ACME_FAILPOINTS"


def test_the_command_finds_the_services_and_their_settings(told: dict[str, Any], acme: Path) -> None:
    assert told["services"] == ["shop"]
    assert told["environment"] == {"ACME_APP_DSN": "postgresql://shop"}
    assert f"cannot read {acme}/run/environment/till.env" in told["away"]
    assert "`acme up` starts it" in told["away"]


def test_every_metric_of_the_toolkit_has_the_applications_prefix(told: dict[str, Any]) -> None:
    named = [each for each in told["metrics"] if not each.startswith(("python_", "process_"))]
    assert "acme_outbox_pending" in named
    assert [each for each in named if not each.startswith("acme_")] == []


def test_tokens_are_the_applications(told: dict[str, Any]) -> None:
    assert (told["iss"], told["aud"]) == ("https://login.acme.example", "acme-apis")


def test_problems_have_the_applications_prefix(acme: Path) -> None:
    problem = json.loads(run(acme, "-c", PROBLEM).splitlines()[-1])
    assert problem["type"] == "https://acme.example/problems/not-found"


def test_documents_name_the_application_and_its_prefixed_topics(told: dict[str, Any]) -> None:
    assert told["title"] == "Acme shop"
    assert told["topics"] == ["shop.order"]
    assert told["events"]["channels"]["shop.order"]["address"] == "staging.shop.order"
    assert told["events"]["operations"]["publish.shop.order"]["action"] == "send"


def test_schemas_are_linted_against_the_applications_namespace(told: dict[str, Any]) -> None:
    assert told["lint"] == []


def declared(folder: Path, text: str) -> Project | None:
    (folder / "pyproject.toml").write_text(text)
    return read_project(folder)


def test_names_follow_from_the_namespace(tmp_path: Path) -> None:
    found = declared(tmp_path, '[project]\nname = "my-shop"\n[tool.waypost]\n')
    assert found is not None
    assert (found.namespace, found.token_issuer, found.token_audience) == ("my_shop", "my_shop", "my_shop")
    assert (found.problem_prefix, found.topic_prefix) == ("urn:my-shop:problem:", "")
    assert (found.environment_prefix, found.metrics_prefix) == ("WAYPOST_", "waypost_")


def test_a_file_without_the_table_declares_nothing(tmp_path: Path) -> None:
    assert declared(tmp_path, '[project]\nname = "shop"\n') is None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("nmespace = 'acme'", "has no key 'nmespace'; keys are environment_directory"),
        ("topic_prefix = 'staging.'", r"needs `namespace`, or \[project\] needs `name`"),
        ("namespace = 'a-b'", "namespace is 'a-b'; it must match"),
        ("namespace = 'acme'\ntopic_prefix = 'a/b'", "topic_prefix is 'a/b'; it must match"),
        ("namespace = 'acme'\nenvironment_prefix = 'acme'", "environment_prefix is 'acme'; it must match"),
        ("namespace = 'acme'\nmetrics_prefix = 7", "metrics_prefix is 7; it must match"),
    ],
)
def test_a_wrong_table_is_refused_with_what_is_right(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        declared(tmp_path, f"[tool.waypost]\n{table}\n")
