"""Signature headers of webhooks that must be refused, each beside the right one."""

from collections.abc import Mapping

from infra.simulators.payments.webhooks import signature

OTHER_SECRET = "whsec_of_somebody_else"


def signed_at(text: str, secret: str, body: str) -> str:
    """A header that is rightly signed at this text, which need not be a time."""
    return signature(secret, text, body)  # type: ignore[arg-type]  # a provider that sends another text


def v1(secret: str, at: int, body: str) -> str:
    return signature(secret, at, body).partition(",")[2]


def hostile_headers(secret: str, at: int, body: str) -> Mapping[str, str]:
    """`at`: the present, in Unix seconds."""
    good = v1(secret, at, body)

    def stamped(text: str) -> str:
        return signed_at(text, secret, body)

    return {
        "time of 5,000 digits, rightly signed": stamped("1" * 5_000),
        "time of 1,000 digits, rightly signed": stamped("1" * 1_000),
        "time beyond a datetime, rightly signed": stamped(str(10**13)),
        "largest time that is parsed, rightly signed": stamped(str(10**12 - 1)),
        "zero, rightly signed": stamped("0"),
        "negative time, rightly signed": stamped(str(-at)),
        "fraction, rightly signed": stamped(f"{at}.5"),
        "digits of another script, rightly signed": stamped("".join(chr(0x660 + int(digit)) for digit in str(at))),
        "superscript, rightly signed": stamped(f"{at}²"),
        "time with spaces, rightly signed": stamped(f" {at}"),
        "time with an underscore, rightly signed": stamped(f"{at // 1000}_{at % 1000}"),
        "hour-old time, rightly signed": stamped(str(at - 3_600)),
        "time in an hour, rightly signed": stamped(str(at + 3_600)),
        "two times": f"t={at},t={at},{good}",
        "a second, stale time": f"t={at - 86_400},t={at},{v1(secret, at - 86_400, body)}",
        "no time": good,
        "no signature": f"t={at}",
        "empty signature": f"t={at},v1=",
        "signature of an empty secret": f"t={at},{v1('', at, body)}",
        "signature of another secret": f"t={at},{v1(OTHER_SECRET, at, body)}",
        "signature of another body": f"t={at},{v1(secret, at, '{}')}",
        "signature of another time": f"t={at},{v1(secret, at + 1, body)}",
        "signature of the body without a time": f"t={at},v1={_bare(secret, body)}",
        "signature in another scheme": f"t={at},{good.replace('v1=', 'v0=')}",
        "signature in capitals": f"t={at},v1={good[3:].upper()}",
        "cut signature": f"t={at},{good[:-1]}",
        "not ASCII": f"t={at},v1=é",
        "NUL": f"t={at},v1=\0",
        "more signatures than a rotation has": f"t={at}," + ",".join(["v1=00"] * 10 + [good]),
        "a long header": f"t={at},{good}," + "x" * 8_000,
        "only separators": ",=,=,=,",
        "nothing": "",
    }


def _bare(secret: str, body: str) -> str:
    return signature(secret, 0, body).rpartition("=")[2]
