"""The books: what was recorded, what became of it by our tables, what the receiver noted. Pure functions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

SHOWN = 3  # examples in a line
WAITING = ("pending", "waiting")  # for its first attempt, or for another


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as it stands in the end."""

    id: str
    event: int
    partner: str
    state: str
    attempts_made: int
    lease: str = ""
    is_due: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt on record."""

    delivery: str
    number: int
    error: str


@dataclass(frozen=True, slots=True)
class Note:
    """A request as the receiver noted it before it answered. `said`: a hash of what must stay the same."""

    id: str
    body: str
    said: str
    is_yes: bool
    by: str = ""  # from which address it came


@dataclass(slots=True)
class Books:
    """All that is compared. `acknowledged`: events of which somebody was told that they are committed."""

    events: set[int]
    acknowledged: set[int]
    partners: Mapping[str, bool]  # by name, whether it never says yes
    rows: Sequence[Row]
    tries: Sequence[Try]
    notes: Sequence[Note]
    once_delivered: set[str] = field(default_factory=set)  # seen so at some time
    counted: Mapping[str, int] = field(default_factory=dict)  # by delivery.counts
    overlooked: Sequence[str] = ()  # endpoints with something due that no worker would look at


def violations(books: Books) -> list[str]:
    """A line for each promise that was not kept; empty if the books balance."""
    found = [
        *_lost_or_made_up(books),
        *_states(books),
        *_attempts(books),
        *_seen(books),
        *_counts(books),
    ]
    return [f"{what}: {_some(which)}" for what, which in found if which]


def _some(which: Iterable[object]) -> str:
    listed = sorted(map(str, which))
    return f"{len(listed)} ({', '.join(listed[:SHOWN])}{', …' if len(listed) > SHOWN else ''})"


Found = list[tuple[str, Iterable[object]]]


def _lost_or_made_up(books: Books) -> Found:
    """Every event makes one delivery for every partner, and nothing else does."""
    wanted = {(event, partner) for event in books.events for partner in books.partners}
    made = Counter((row.event, row.partner) for row in books.rows)
    return [
        ("events that were acknowledged and are gone", books.acknowledged - books.events),
        ("deliveries missing", wanted - made.keys()),
        ("deliveries of nothing", made.keys() - wanted),
        ("deliveries made twice", [what for what, number in made.items() if number > 1]),
    ]


def _states(books: Books) -> Found:
    delivered = {row.id: row for row in books.rows if row.state == "delivered"}
    waiting = {row.id: row for row in books.rows if row.state in WAITING}
    lost = {name for name, is_lost in books.partners.items() if is_lost}
    return [
        (
            "neither delivered nor waiting",
            [row.id for row in books.rows if row.id not in delivered and row.id not in waiting],
        ),
        (
            "not delivered although all was calm",
            [pk for pk, row in waiting.items() if row.partner not in lost],
        ),
        ("delivered to who never says yes", [pk for pk, row in delivered.items() if row.partner in lost]),
        ("delivered once and not any more", books.once_delivered - delivered.keys()),
        ("leased in the end", [row.id for row in books.rows if row.lease]),
        ("delivered and in the queue", [pk for pk, row in delivered.items() if row.is_due]),
        ("waiting and not in the queue", [pk for pk, row in waiting.items() if not row.is_due]),
        ("endpoints that nobody looks at", books.overlooked),
    ]


def _attempts(books: Books) -> Found:
    """On record 1 to n, and a yes is the last of them."""
    tries: dict[str, list[Try]] = defaultdict(list)
    for one in books.tries:
        tries[one.delivery].append(one)
    by_id = {row.id: row for row in books.rows}
    gaps, uncounted, wrong_end = [], [], []
    for row in books.rows:
        some = sorted(tries[row.id], key=lambda one: one.number)
        if [one.number for one in some] != list(range(1, len(some) + 1)):
            gaps.append(row.id)
        if len(some) != row.attempts_made:
            uncounted.append(row.id)
        accepted = [one.number for one in some if not one.error]
        if accepted != ([len(some)] if row.state == "delivered" else []):
            wrong_end.append(row.id)
    return [
        ("attempts with gaps or doubles", gaps),
        ("attempts counted wrongly", uncounted),
        ("a yes that is not the last attempt, or none", wrong_end),
        ("attempts of nothing", tries.keys() - by_id.keys()),
    ]


def _seen(books: Books) -> Found:
    """What the receiver says of it."""
    ids = {row.id for row in books.rows}
    delivered = {row.id for row in books.rows if row.state == "delivered"}
    said: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for note in books.notes:
        said[note.id].add((note.body, note.said))
    accepted = {note.id for note in books.notes if note.is_yes}
    return [
        ("delivered and never seen by the receiver", delivered - said.keys()),
        ("delivered and never accepted by the receiver", delivered & said.keys() - accepted),
        ("accepted by the receiver and not delivered", accepted & ids - delivered),
        ("seen by the receiver and not on record", said.keys() - ids),
        ("repeats that say something else", [one for one, forms in said.items() if len(forms) > 1]),
    ]


def _counts(books: Books) -> Found:
    """The numbers of `/metrics` say the same as the rows."""
    if not books.counted:
        return []
    rows = {
        "queued": len(books.rows),
        "delivered": sum(row.state == "delivered" for row in books.rows),
        "attempts": len(books.tries),
    }
    wrong = [
        f"{name}: {books.counted.get(name, 0)} counted, {number} there"
        for name, number in rows.items()
        if books.counted.get(name, 0) != number
    ]
    return [("counts that differ", wrong)]


def duplicates(notes: Iterable[Note]) -> int:
    """How often the receiver accepted what it had accepted before."""
    accepted = Counter(note.id for note in notes if note.is_yes)
    return sum(number - 1 for number in accepted.values())
