"""Fields of the person: billing as given with the order, and where it is shipped."""

from collections.abc import Callable
from operator import attrgetter

from exports.fields.reading import Field, Reading, day

BILLING = "Customer"
SHIPPING = "Shipping"


def _full_name(prefix: str = "") -> Callable[[Reading], str]:
    first, last = f"{prefix}first_name", f"{prefix}last_name"

    def read(reading: Reading) -> str:
        order = reading.case.order
        return f"{getattr(order, first)} {getattr(order, last)}".strip()

    return read


def _billing(name: str, label: str, column: str, example: str) -> Field:
    return Field(name, BILLING, label, attrgetter(f"case.order.{column}"), example)


def _shipping(name: str, label: str, column: str, example: str) -> Field:
    return Field(name, SHIPPING, label, attrgetter(f"case.order.{column}"), example)


FIELDS = (
    Field("customerId", BILLING, "Customer id", attrgetter("case.customer.pk"), 77),
    Field("fullName", BILLING, "First and last name", _full_name(), "Ada Lovelace"),
    Field("name", BILLING, "First and last name", _full_name(), "Ada Lovelace"),
    _billing("firstName", "First name", "first_name", "Ada"),
    _billing("lastName", "Last name", "last_name", "Lovelace"),
    _billing("companyName", "Company", "company_name", "Analytical Engines"),
    _billing("emailAddress", "E-mail address", "email", "ada@example.com"),
    _billing("phoneNumber", "Phone number", "phone", "5551234567"),
    _billing("address1", "Address", "address1", "12 St James's Square"),
    _billing("address2", "Address, second line", "address2", "Apt 3"),
    _billing("city", "City", "city", "Chicago"),
    _billing("state", "State", "state", "IL"),
    _billing("country", "Country", "country", "US"),
    _billing("postalCode", "Postal code", "postal_code", "60601"),
    _billing("ipAddress", "IP address", "ip_address", "203.0.113.9"),
    _billing("userAgent", "Browser", "user_agent", "Mozilla/5.0"),
    _billing("httpReferer", "Referring page", "http_referer", "https://search.example/"),
    Field(
        "dateOfBirth",
        BILLING,
        "Date of birth (sensitive)",
        lambda r: day(r.case.customer.date_of_birth),
        "1985-12-10",
        is_sensitive=True,
    ),
    Field("shipFullName", SHIPPING, "First and last name", _full_name("ship_"), "Ada Lovelace"),
    _shipping("shipFirstName", "First name", "ship_first_name", "Ada"),
    _shipping("shipLastName", "Last name", "ship_last_name", "Lovelace"),
    _shipping("shipCompanyName", "Company", "ship_company_name", "Analytical Engines"),
    _shipping("shipAddress1", "Address", "ship_address1", "12 St James's Square"),
    _shipping("shipAddress2", "Address, second line", "ship_address2", "Apt 3"),
    _shipping("shipCity", "City", "ship_city", "Chicago"),
    _shipping("shipState", "State", "ship_state", "IL"),
    _shipping("shipCountry", "Country", "ship_country", "US"),
    _shipping("shipPostalCode", "Postal code", "ship_postal_code", "60601"),
)
