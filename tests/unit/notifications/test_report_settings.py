"""Settings of the mail provider's reports."""

import pytest
from pydantic import ValidationError

from services.notifications.settings import ReportSettings
from waypost.kernel.errors import Misconfigured

PATHS, OLD_PATHS = "return-paths-" * 3, "old-return-paths-" * 3
DOMAIN = {"bounce_domain": "bounces.example.com"}
REPORTS, OLD_REPORTS = {"mail_reports_secret": "whsec_one"}, {"mail_reports_previous_secret": "whsec_two"}
RETURN, OLD_RETURN = {"return_path_secret": PATHS}, {"return_path_previous_secret": OLD_PATHS}
REQUIRED = {**DOMAIN, **REPORTS, **RETURN}


@pytest.mark.parametrize(
    "given",
    [
        *(dict.fromkeys(REQUIRED.keys() - {left}, "x" * 40) for left in REQUIRED),
        *({name: value} for name, value in REQUIRED.items()),
        OLD_REPORTS,
        OLD_RETURN,
    ],
)
def test_a_domain_and_both_secrets_belong_together(given: dict[str, str]) -> None:
    settings = ReportSettings.model_validate(given)
    for name in ("report_secrets", "return_path_secrets"):
        with pytest.raises(Misconfigured, match="set all of WAYPOST_BOUNCE_DOMAIN, WAYPOST_MAIL_REPORTS_SECRET and"):
            getattr(settings, name)


def test_the_present_secrets_are_the_first() -> None:
    none = ReportSettings.model_validate({})
    assert none.report_secrets == none.return_path_secrets == ()
    settings = ReportSettings.model_validate({**REQUIRED, **OLD_REPORTS, **OLD_RETURN})
    assert settings.report_secrets == ("whsec_one", "whsec_two")
    assert settings.return_path_secrets == (PATHS, OLD_PATHS)


def test_the_provider_does_not_know_the_secret_of_return_paths() -> None:
    for known in ({"mail_reports_secret": PATHS}, {"mail_reports_previous_secret": PATHS}):
        with pytest.raises(Misconfigured, match="WAYPOST_RETURN_PATH_SECRET is also a secret of"):
            _ = ReportSettings.model_validate({**REQUIRED, **known}).return_path_secrets
    with pytest.raises(ValidationError, match="return_path_secret"):
        ReportSettings.model_validate({**REQUIRED, "return_path_secret": "short"})
