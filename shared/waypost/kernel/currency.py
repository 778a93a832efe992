"""Currencies that can be billed, and their minor units.

ISO 4217, List One (SIX,
https://www.six-group.com/en/products-services/financial-information/market-reference-data/data-standards.html),
as of 2026-02: without funds codes and units of account, which are not used for payment, and without
codes that have no minor unit (gold, tests, XXX).
"""

from collections.abc import Mapping

from waypost.kernel.errors import Invalid

_WITHOUT_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"

_TWO_DECIMALS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP
ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL
MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD
SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"""

_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

DECIMALS: Mapping[str, int] = {
    code: decimals
    for decimals, codes in ((0, _WITHOUT_DECIMALS), (2, _TWO_DECIMALS), (3, _THREE_DECIMALS))
    for code in codes.split()
}
"""Decimals of the minor unit, by currency code."""


def known_currency(code: str) -> str:
    """Validates a currency in a request; stored amounts may be in a currency that has ended. Raises
    Invalid.
    """
    if code not in DECIMALS:
        raise Invalid(f"{code!r} is not a supported ISO 4217 currency (for example EUR, JPY, KWD)", currency=code)
    return code
