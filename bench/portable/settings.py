"""Settings of the adapter: the environment variables of the harness's protocol."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.portable.accounts import FOLDER
from waypost.jobs.parameter import MAX_TEXT_LENGTH
from waypost.kernel.errors import Misconfigured

SCENARIO = "long_horizon"


class Producer(StrEnum):
    HARNESS = "harness"
    """The harness sends a token for each batch."""
    FIXED = "fixed"
    """The adapter keeps the rate itself."""
    DEPTH = "depth-target"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSettings:
    database_url: str
    producer: Producer
    rate: float
    target_depth: int
    batch_max: int
    batch_seconds: float
    rate_file: Path | None
    workers: int
    payload_characters: int
    work_seconds: float
    sample_every_seconds: int
    instance: int
    acknowledged_folder: Path | None
    """The folder in which the ids of acknowledged jobs are written; None to write none."""


def settings_from(variables: Mapping[str, str]) -> AdapterSettings:
    """Raises Misconfigured with the variable, its value and what it takes."""
    scenario = variables.get("SCENARIO", SCENARIO)
    if scenario != SCENARIO:
        raise Misconfigured(f"SCENARIO is {scenario!r}, but this adapter has only {SCENARIO}: set SCENARIO={SCENARIO}")
    if "DATABASE_URL" not in variables:
        raise Misconfigured(
            "DATABASE_URL is missing: start the adapter with `python -m bench.portable --harness FOLDER`"
        )
    characters = _whole(variables, "JOB_PAYLOAD_BYTES", 256, least=0)
    if characters > MAX_TEXT_LENGTH:
        raise Misconfigured(
            f"JOB_PAYLOAD_BYTES is {characters}, but a job's text has at most {MAX_TEXT_LENGTH}: lower it"
        )
    file, acknowledged = variables.get("PRODUCER_RATE_CONTROL_FILE"), variables.get(FOLDER)
    return AdapterSettings(
        database_url=variables["DATABASE_URL"],
        producer=_producer(variables.get("PRODUCER_MODE", "fixed"), variables.get("PRODUCER_PACING", "adapter")),
        rate=float(_whole(variables, "PRODUCER_RATE", 800, least=0)),
        target_depth=_whole(variables, "TARGET_DEPTH", 1000, least=0),
        batch_max=_whole(variables, "PRODUCER_BATCH_MAX", 128),
        batch_seconds=_whole(variables, "PRODUCER_BATCH_MS", 25) / 1000,
        rate_file=Path(file) if file else None,
        workers=_whole(variables, "WORKER_COUNT", 32),
        payload_characters=characters,
        work_seconds=_whole(variables, "JOB_WORK_MS", 1, least=0) / 1000,
        sample_every_seconds=_whole(variables, "SAMPLE_EVERY_S", 5),
        instance=_whole(variables, "BENCH_INSTANCE_ID", 0, least=0),
        acknowledged_folder=Path(acknowledged) if acknowledged else None,
    )


def _producer(mode: str, pacing: str) -> Producer:
    match mode, pacing:
        case "depth-target", _:
            return Producer.DEPTH
        case "fixed", "harness":
            return Producer.HARNESS
        case "fixed", "adapter":
            return Producer.FIXED
        case _:
            raise Misconfigured(
                f"PRODUCER_MODE is {mode!r} and PRODUCER_PACING is {pacing!r}: set the mode to fixed or depth-target,"
                " and the pacing to harness or adapter"
            )


def _whole(variables: Mapping[str, str], name: str, default: int, *, least: int = 1) -> int:
    text = variables.get(name, str(default))
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise Misconfigured(f"{name} is {text!r}: set a whole number of {least} or more")
    return number
