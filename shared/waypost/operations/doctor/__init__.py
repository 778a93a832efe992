"""Checks of a running system for everything that needs an operator."""

from waypost.operations.doctor.examination import (
    Diagnosis,
    ExaminedService,
    Result,
    examine_server,
    examine_service,
    examine_topics,
)

__all__ = ["Diagnosis", "ExaminedService", "Result", "examine_server", "examine_service", "examine_topics"]
