"""Answers of mail servers after they have accepted the return path, over the enhanced codes."""

from typing import Any

import aiosmtplib
import pytest

from services.notifications.adapters.smtp import ReturnPathRefused, _refusal
from services.notifications.ports import MailRefused
from waypost.engine.retry import WITHOUT_ATTEMPTS
from waypost.jobs.worker.failure import is_final
from waypost.kernel.errors import Transient


@pytest.mark.parametrize("subject", range(8))
@pytest.mark.parametrize("late", [aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError])
def test_a_permanent_answer_after_the_return_path_was_accepted_is_not_waited_out(subject: int, late: Any) -> None:
    """Over all enhanced codes in use (RFC 3463 and the registry of RFC 5248): class 5 uses attempts
    or is final, so that no mail is tried without end; class 4 is an outage.
    """
    arguments = ("ada@example.com",) if late is aiosmtplib.SMTPRecipientRefused else ()
    for detail in range(31):
        status = f"{subject}.{detail}"
        refused = _refusal(late(550, f"5.{status} no", *arguments), "b+token@bounces.example.com")
        about_sender = status in ("1.7", "1.8", "7.23", "7.24", "7.27")
        assert type(refused) is (ReturnPathRefused if about_sender else MailRefused), status
        assert "ada" not in str(refused)
        assert is_final(refused) is not about_sender, status
        assert not isinstance(refused, WITHOUT_ATTEMPTS), status
        assert isinstance(_refusal(late(450, f"4.{status} later", *arguments), "b+t@bounces.example.com"), Transient)
