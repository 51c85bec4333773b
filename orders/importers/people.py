"""Names, addresses and cards that a source lacks, derived from its own ids: the same id, the same person.

Real shop data with such columns cannot be published. E-mail addresses are at the names reserved for
examples, internet addresses in the blocks for documentation, cards from the public test numbers (but none
that marks an order as a test).
"""

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Any, NamedTuple

from orders.importers.countries import Country
from orders.lifecycle import Payment

SEED = 20_260_101  # fixed for ever: with another, a known person would get another name
_CARDS = (
    ("VISA", "411111", "1111"),
    ("VISA", "424242", "4242"),
    ("MASTERCARD", "555555", "4444"),
    ("MASTERCARD", "510510", "5100"),
    ("AMEX", "378282", "0005"),
    ("DISCOVER", "601111", "1117"),
)
_DOMAINS = ("example.com", "example.org", "example.net")
_DOCUMENTATION_BLOCKS = ("192.0.2", "198.51.100", "203.0.113")


class _Pool(NamedTuple):
    first_names: list[str]
    last_names: list[str]
    streets: list[str]
    places: list[tuple[str, str]]  # city and postal code


def person(source_id: str, country: Country) -> dict[str, Any]:
    """The columns of a customer with this id, all derived from it."""
    dice = _dice(source_id)
    pool = _pool(country.locale)
    first, last = pool.first_names[dice[0] % 256], pool.last_names[dice[1] % 256]
    city, postal_code = pool.places[dice[2] % 128]
    return {
        "first_name": first,
        "last_name": last,
        "email": f"{mailbox(first, last, f'{dice[3]:08x}')}@{_DOMAINS[dice[4] % 3]}",
        "cell_phone": f"+{country.calling_code} 555 {dice[5] % 10**7:07}",
        "address": pool.streets[dice[6] % 128],
        "city": city,
        "zip": postal_code,
        "country": country.code,
        "has_generated_data": True,
    }


def mailbox(first_name: str, last_name: str, mark: str) -> str:
    """The part of an address before the @: the name, and a mark that no namesake has."""
    return ".".join(filter(None, (_ascii(first_name), _ascii(last_name), mark)))


def card_payment(source_id: str) -> Payment:
    """A payment by this person's card, of all that is open."""
    dice = _dice(source_id)
    kind, card_bin, last4 = _CARDS[dice[7] % len(_CARDS)]
    expiry = f"{dice[2] % 12 + 1:02}/{2028 + dice[3] % 4}"
    return Payment(card_type=kind, card_bin=card_bin, card_last4=last4, card_expiry=expiry)


def ip_address(source_id: str) -> str:
    """Where the person sat."""
    dice = _dice(source_id)
    return f"{_DOCUMENTATION_BLOCKS[dice[4] % 3]}.{dice[0] % 254 + 1}"


@lru_cache(maxsize=2_000)
def _dice(source_id: str) -> list[int]:
    digest = hashlib.sha256(f"{SEED}:{source_id}".encode()).digest()
    return [int.from_bytes(digest[start : start + 4]) for start in range(0, 32, 4)]


@lru_cache
def _pool(locale: str) -> _Pool:
    """Faker is slow: some names and streets of each locale are made once, then picked from."""
    from faker import Faker  # late: takes half a second, and only these presets need it

    fake = Faker(locale, providers=["faker.providers.person", "faker.providers.address"])
    fake.seed_instance(SEED)
    return _Pool(
        [fake.first_name() for _ in range(256)],
        [fake.last_name() for _ in range(256)],
        [fake.street_address().replace("\n", ", ") for _ in range(128)],
        [(fake.city(), fake.postcode()) for _ in range(128)],
    )


@lru_cache(maxsize=10_000)
def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "", plain)
