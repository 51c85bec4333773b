"""Countries as sources spell them: their code, the locale of their names, and their calling code."""

from typing import NamedTuple


class Country(NamedTuple):
    """`code` is ISO 3166 where there is one; `locale` is one that Faker has."""

    code: str
    locale: str = "en_GB"
    calling_code: str = "44"


BY_NAME = {
    "Australia": Country("AU", "en_AU", "61"),
    "Austria": Country("AT", "de_AT", "43"),
    "Bahrain": Country("BH", "en_GB", "973"),
    "Belgium": Country("BE", "nl_BE", "32"),
    "Brazil": Country("BR", "pt_BR", "55"),
    "Canada": Country("CA", "en_CA", "1"),
    "Channel Islands": Country("GB"),
    "Cyprus": Country("CY", "el_GR", "357"),
    "Czech Republic": Country("CZ", "cs_CZ", "420"),
    "Denmark": Country("DK", "da_DK", "45"),
    "EIRE": Country("IE", "en_IE", "353"),
    "Finland": Country("FI", "fi_FI", "358"),
    "France": Country("FR", "fr_FR", "33"),
    "Germany": Country("DE", "de_DE", "49"),
    "Greece": Country("GR", "el_GR", "30"),
    "Hong Kong": Country("HK", "en_GB", "852"),
    "Iceland": Country("IS", "en_GB", "354"),
    "Israel": Country("IL", "he_IL", "972"),
    "Italy": Country("IT", "it_IT", "39"),
    "Japan": Country("JP", "ja_JP", "81"),
    "Lebanon": Country("LB", "en_GB", "961"),
    "Lithuania": Country("LT", "lt_LT", "370"),
    "Malta": Country("MT", "en_GB", "356"),
    "Netherlands": Country("NL", "nl_NL", "31"),
    "Norway": Country("NO", "no_NO", "47"),
    "Poland": Country("PL", "pl_PL", "48"),
    "Portugal": Country("PT", "pt_PT", "351"),
    "RSA": Country("ZA", "zu_ZA", "27"),
    "Saudi Arabia": Country("SA", "ar_SA", "966"),
    "Singapore": Country("SG", "en_GB", "65"),
    "Spain": Country("ES", "es_ES", "34"),
    "Sweden": Country("SE", "sv_SE", "46"),
    "Switzerland": Country("CH", "de_CH", "41"),
    "USA": Country("US", "en_US", "1"),
    "United Arab Emirates": Country("AE", "ar_AE", "971"),
    "United Kingdom": Country("GB", "en_GB", "44"),
}


def called(name: str) -> Country:
    """The country of that name. Others keep the name as their code ("European Community")."""
    return BY_NAME.get(name) or Country("" if name == "Unspecified" else name[:60])
