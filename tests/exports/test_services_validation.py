"""What forms, services and files refuse, and in which words."""

import pytest
from django.core.exceptions import ValidationError

from customers.models import Location
from delivery.card_numbers import holds_card_number
from exports import services, validation
from exports.models import ExportProfile, FieldMapping

SPEC_WORDS = "GET, POST, PUT, PATCH or DELETE"


def mapping(
    export_name: str, value: str = "", field: str = "Static", *, secret: bool = False
) -> FieldMapping:
    return FieldMapping(export_name=export_name, field=field, static_value=value, is_secret=secret)


def refusal_of(row: FieldMapping) -> str:
    """The first sentence, or "" if it may be saved."""
    try:
        validation.check_mapping(row)
    except ValidationError as error:
        return str(error.messages[0])
    return ""


def a_profile(**settings: object) -> ExportProfile:
    given = {"name": "A", "type": "postback", "url": "https://postingmydata.com/partials.php", **settings}
    return ExportProfile(location=Location.objects.get_or_create(name="Main store")[0], **given)


def faults_of(profile: ExportProfile) -> dict[str, list[str]]:
    try:
        validation.check_profile(profile)
    except ValidationError as error:
        return error.message_dict
    return {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        "https://postingmydata.com/partials.php",
        "http://postingmydata.com:8080/a?list=1&b=%20",
        "https://EXAMPLE.com./",
        "https://[2001:4860:4860::8888]:443/x",
        "https://bücher.example/ü",
        "https://a_b.example",
        "https://8.8.8.8/",
    ],
)
def test_urls_that_are_allowed(url: str) -> None:
    assert faults_of(a_profile(url=url)) == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postingmydata.com/partials.php", "must begin with"),
        ("ftp://example.com/", "must begin with"),
        ("javascript:alert(1)", "must begin with"),
        ("https://", "names no host"),
        ("https:///path", "names no host"),
        ("https://:443/", "names no host"),
        ("https://user:secret@example.com/", "user name and password"),
        ("https://example.com@evil.example/", "user name and password"),
        ("https://example.com\\@evil.example/", "backslash"),
        ("https://example.com/a b", "space"),
        ("https://example.com/\r\nX-Evil: 1", "line break"),
        ("https://example.com/\x00", "control character"),
        (" https://example.com/", "space"),
        ("https://exa\u200amp.le/", "space"),
        ("https://example.com:0/", "port"),
        ("https://example.com:65536/", "port"),
        ("https://example.com:http/", "port"),
        ("https://[::1/", "cannot be read"),
        ("https://exa%6dple.com/", "not the name of a host"),
        ("https://example..com/", "not the name of a host"),
        (f"https://{'a' * 64}.com/", "not the name of a host"),
        ("https://.example.com/", "not the name of a host"),
        ("https://example.com/#top", "Take away the #"),
        ("https://example.com/" + "a" * 2000, "at most 2,000"),
    ],
)
def test_urls_that_are_refused(url: str, sentence: str) -> None:
    faults = faults_of(a_profile(url=url))
    assert list(faults) == ["url"]
    assert sentence in faults["url"][0]


def test_addresses_where_nothing_may_be_sent(settings: object) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = []  # type: ignore[attr-defined]
    for url in (
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://10.1.2.3/",
        "http://169.254.169.254/",
        "https://8.8.8.8:22/",
    ):
        with pytest.raises(ValidationError) as refused:
            validation.check_address(ExportProfile(url=url))
        assert list(refused.value.error_dict) == ["url"]
    validation.check_address(ExportProfile(url="https://8.8.8.8/"))
    validation.check_address(ExportProfile(url="https://no-such-name.invalid/"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("settings", "key", "sentence"),
    [
        ({"name": " "}, "name", "needs a name"),
        ({"name": "a\nb"}, "name", "line break"),
        ({"name": "a\ud800"}, "name", "not text"),
        ({"name": "a" * 151}, "name", "longer than 150"),
        ({"type": "smtp"}, "type", "Use postback, ftp or csv."),
        ({"cadence": "hourly"}, "cadence", "Use sweep or immediate."),
        ({"delay_minutes": -1}, "delay_minutes", "from 0 to 43200"),
        ({"delay_minutes": 43201}, "delay_minutes", "from 0 to 43200"),
        ({"delay_minutes": True}, "delay_minutes", "whole number"),
        ({"timeout_seconds": 0}, "timeout_seconds", "from 1 to 120"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, object], key: str, sentence: str) -> None:
    faults = faults_of(a_profile(**settings))
    assert list(faults) == [key]
    assert sentence in faults[key][0]


@pytest.mark.django_db
def test_settings_at_their_limits_and_a_file_without_url() -> None:
    assert faults_of(a_profile(name="😀" * 150, delay_minutes=43200, timeout_seconds=120)) == {}
    assert faults_of(a_profile(type="csv", url="")) == {}


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (mapping(""), "needs an export name"),
        (mapping("a\nb"), "line break"),
        (mapping("a\ud83d"), "not text"),
        (mapping("a" * 201), "longer than 200"),
        (mapping("a", field="cardNumber"), "There is no field “cardNumber”"),
        (mapping("a", field=""), "There is no field “”"),
        (mapping("a", "x", field="firstName"), "Only a mapping of the field Static"),
        (mapping("a", "x" * 100_001), "has 100,001 characters; at most 100,000"),
        (mapping("a", "😀" * 1024 * 1024), "at most 100,000"),
        (mapping("a", "nul \x00"), "not text"),
        (mapping("a", "4111 1111-1111 1111"), "number of a card"),
        (mapping("a", "4111111111111111", secret=True), "number of a card"),
        (mapping("header:X-Pan", "4111111111111111"), "number of a card"),
        (mapping("header:"), "not the name of a header"),
        (mapping("header:X Y", "1"), "not the name of a header"),
        (mapping("header:X:Y", "1"), "not the name of a header"),
        (mapping("header:Ключ", "1"), "not the name of a header"),
        (mapping("header:X\r\nEvil", "1"), "line break"),
        (mapping("header:X", "a\r\nEvil: 1"), "line break"),
        (mapping("header:X", "a\x7f"), "control character"),
        (mapping("header:X", "שלום"), "A header cannot carry “ש”"),
        (mapping("header:X", "😀"), "A header cannot carry “😀”"),
        (mapping("header:X", field="firstName"), "A header must be static"),
        (mapping("header:Host", "evil"), "belongs to the connection"),
        (mapping("HEADER:content-length", "1"), "belongs to the connection"),
        (mapping("header:Transfer-Encoding", "chunked"), "belongs to the connection"),
        (mapping("header:Connection", "close"), "belongs to the connection"),
        (mapping("header:Webhook-Id", "1"), "set by Postrider"),
        (mapping("header:User-Agent", "me"), "set by Postrider"),
        (mapping("header:httpMethod", "TRACE"), f"“TRACE” is not allowed for httpMethod. Use {SPEC_WORDS}."),
        (mapping("header:httpMethod"), f"Use {SPEC_WORDS}."),
        (mapping("header:HTTPMETHODTYPE", "PUT"), "Use GET or POST."),
        (mapping("header:httpMethod", "POST", secret=True), "cannot be secret"),
        (mapping("header:httpMethod", field="orderType"), "A header must be static"),
    ],
)
def test_mappings_that_are_refused(row: FieldMapping, sentence: str) -> None:
    assert sentence in refusal_of(row)


@pytest.mark.parametrize(
    "row",
    [
        mapping("first name", field="firstName"),
        mapping("שם 😀", field="FIRSTNAME"),
        mapping("note", "line\nline\t😀 שלום"),
        mapping("empty"),
        mapping("big", "x" * 100_000),
        mapping("header:Content-Type", "Application/JSON; charset=utf-8"),
        mapping("header:X-Name", "Zoë"),
        mapping("header:Authorization", "Bearer abc", secret=True),
        mapping("header:httpMethod", "delete"),
        mapping("header:httpmethodtype", "Post"),
        mapping("phone", "+49 170 1234567890123456789"),
    ],
)
def test_mappings_that_are_allowed(row: FieldMapping) -> None:
    assert refusal_of(row) == ""


def test_a_header_is_mapped_once() -> None:
    rows = [mapping("header:X-Key", "1"), mapping("a", "1"), mapping("a", "2"), mapping("header: x-key", "2")]
    with pytest.raises(ValidationError) as refused:
        validation.check_mappings(rows)
    assert refused.value.messages == ["Mapping 4 (“header: x-key”): The header x-key is mapped twice."]


@pytest.mark.parametrize(
    ("text", "is_card"),
    [
        ("4111111111111111", True),
        ("4111-1111-1111-1111", True),
        ("pan=4111 1111 1111 1111;", True),
        ("378282246310005", True),  # 15 digits
        ("4222222222222", True),  # 13
        ("6304000000000000000", True),  # 19
        ("0000000000000000", True),
        ("٤١١١١١١١١١١١١١١١", True),  # digits of another script
        ("4111111111111112", False),
        ("411111111111", False),  # 12
        ("41111111111111111111", False),  # 20
        ("4111  1111  1111  1111", False),
        ("400", False),
        ("", False),
    ],
)
def test_what_looks_like_a_card_number(text: str, is_card: bool) -> None:
    assert holds_card_number(text) is is_card


@pytest.mark.django_db
def test_warnings_of_what_is_probably_not_meant() -> None:
    location = Location.objects.create(name="Main store")
    profile = services.create_profile(location=location, name="A", url="https://8.8.8.8/", by="test")
    twice = [mapping("a", "1"), mapping("a", "2")]
    assert validation.warnings(profile, twice) == [
        "This profile has no route, so nothing is exported. Add one under Profile Routing."
    ]
    services.add_route(profile, customer_type="partial", by="test")
    assert validation.warnings(profile, twice) == []
    assert validation.warnings(profile, [*twice, mapping("header:content-type", "application/json")]) == [
        "“a” is mapped more than once: in JSON only the last one is sent."
    ]
    assert "3,000 characters to the URL" in validation.warnings(profile, [mapping("a", "x" * 3000)])[0]
    assert "maps no fields" in validation.warnings(profile, [])[0]
