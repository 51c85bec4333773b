"""Whether the words of a Postback URL are those of one."""

from delivery import urls

_INSTEAD = "a static mapping header:Authorization, marked secret, carries them"


def url_fault(url: str) -> str:
    """What is wrong with it, in a sentence; "" if nothing is. Where it leads is another question."""
    return urls.url_fault(url, instead_of_login=_INSTEAD)
