"""Headers of every answer that Django has no setting for."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# What no page of ours uses, and so no script that got into one may.
_UNUSED = ("camera", "microphone", "geolocation", "payment", "usb", "serial", "display-capture")
PERMISSIONS_POLICY = ", ".join(f"{name}=()" for name in _UNUSED)
NO_STORE = "no-store, private"


class HeadersSet:
    """Keeps what is answered out of caches, unless the view says otherwise, and devices out of reach."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        answer.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        answer.headers.setdefault("Cache-Control", NO_STORE)
        return answer
