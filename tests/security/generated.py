"""Requests that schemathesis generates from an OpenAPI document, sent to a running service."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from tests.security.attacks import ENDS_ITS_CALLER

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

ANSWER_SECONDS = 20

SKIPPED = {"GET /ops/consumers": "asks Kafka, and no broker runs in this test"}


@dataclass(kw_only=True)
class Report:
    answers: Counter[int] = field(default_factory=Counter)
    problems: dict[str, str] = field(default_factory=dict)
    """By operation: the first request that broke a check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedRequests:
    document: dict[str, Any]
    base_url: str
    user: Mapping[str, str]
    operator: Mapping[str, str]

    def send(self, cases: int, choice: random.Random) -> Report:
        """Sends about this many requests, valid and invalid ones, spread over all operations. Those
        that end the caller's sessions come last.
        """
        report = Report()
        operations = sorted(self._operations(), key=lambda each: each.label in ENDS_ITS_CALLER)
        with requests.Session() as session:
            session.trust_env = False
            for operation in operations:
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    examples = max(1, cases // (2 * len(operations)))
                    self._send(operation, mode, examples, choice.randrange(2**32), session, report)
        return report

    def _operations(self) -> Iterator[APIOperation[Any, Any, Any, Any]]:
        for result in schemathesis.openapi.from_dict(self.document).get_all_operations():
            assert isinstance(result, Ok), result
            if result.ok().label not in SKIPPED:
                yield result.ok()

    def _send(
        self,
        operation: APIOperation[Any, Any, Any, Any],
        mode: GenerationMode,
        examples: int,
        first: int,
        session: requests.Session,
        report: Report,
    ) -> None:
        headers = self.operator if operation.path.startswith("/ops/") else self.user

        @seed(first)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def each(case: Case[Any]) -> None:
            response = case.call(base_url=self.base_url, session=session, headers=dict(headers), timeout=ANSWER_SECONDS)
            report.answers[response.status_code] += 1
            case.validate_response(response, checks=CHECKS)

        try:
            each()
        except Unsatisfiable:
            """The operation takes no parameters, so no request to it is invalid."""
        except (Exception, FailureGroup) as error:  # noqa: BLE001 - reported with its request
            report.problems[f"{operation.label} ({mode.value})"] = str(error)
