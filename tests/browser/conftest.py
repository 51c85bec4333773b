"""A page of a real browser that notes what it complains of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Response,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from tests.browser.chromium import executable, launched


@dataclass
class Seen:
    """What went wrong in the page: errors of scripts, failed requests, dialogs of texts that run."""

    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        """Among them what the Content-Security-Policy has refused."""
        if message.type == "error" and "status of 422" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).hostname != "localhost":  # nothing of the page comes from elsewhere
            self.complaints.append(f"request: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status != 422:  # a form that says what is wrong
            self.complaints.append(f"{response.status}: {response.url}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if executable() is None:
        pytest.skip("needs Chromium: `make test` installs it where it may")
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def log_in(page: Page, live_server: LiveServer) -> Callable[[User], None]:
    """The page belongs to this person from now on, without the form."""

    def enter(user: User) -> None:
        client = Client()
        client.force_login(user)
        value = client.cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": value, "url": live_server.url}])

    return enter


@pytest.fixture
def page(chromium: Browser, seen: Seen) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    opened = context.new_page()
    seen.watch(opened)
    yield opened
    context.close()
