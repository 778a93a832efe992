"""Settings of the mail provider's reports."""

import pytest

from services.notifications.settings import ReportSettings
from waypost.kernel.errors import Misconfigured

DOMAIN, SECRET, PREVIOUS = (
    {"bounce_domain": "bounces.example.com"},
    {"mail_reports_secret": "whsec_one"},
    {"mail_reports_previous_secret": "whsec_two"},
)


@pytest.mark.parametrize("given", [DOMAIN, SECRET, PREVIOUS, {**DOMAIN, **PREVIOUS}, {**SECRET, **PREVIOUS}])
def test_a_domain_and_a_secret_belong_together(given: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="set both WAYPOST_BOUNCE_DOMAIN and WAYPOST_MAIL_REPORTS_SECRET"):
        _ = ReportSettings.model_validate(given).report_secrets


def test_the_present_secret_is_the_first() -> None:
    assert ReportSettings.model_validate({}).report_secrets == ()
    given = {**DOMAIN, **SECRET, **PREVIOUS}
    assert ReportSettings.model_validate(given).report_secrets == ("whsec_one", "whsec_two")
