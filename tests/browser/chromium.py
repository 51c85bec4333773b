"""Chromium as the machine has it."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str | None:
    """Where Chromium is, if it is."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launched(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(
        executable_path=executable(),
        args=["--no-sandbox"] if os.geteuid() == 0 else [],  # Chromium does not run as root with it
    )
