"""Starts `manage.py up` in an empty folder, lets its store live for a while, and takes the pictures."""

import argparse
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.browser.chromium import executable, launched
from tests.journeys.make_run import PASSWORD, free_port
from tests.screens.pictures import PICTURES, Picture

ROOT = Path(__file__).resolve().parent.parent.parent
STORE = "Olist sample store"
# Nobody waits a day for a picture of one: what was counted in the 23 hours before is made up.
YESTERDAY = """
from datetime import timedelta
from delivery import counts
from delivery.counts import Counted
from django.db import transaction
from django.utils import timezone
now = timezone.now()
for back in range(1, 24):
    at = now - timedelta(hours=back)
    made = 30 + (at.hour * 37) % 29 + 3 * min(at.hour, 24 - at.hour)
    failed = made // 9 if 6 < back < 10 else 0
    with transaction.atomic():
        counts.add([
            Counted("export", "queued", made, at=at),
            Counted("export", "delivered", made - failed, at=at),
            Counted("export", "failed", failed, at=at),
        ], now=now)
"""
READY_SECONDS, LIVE_SECONDS = 120, 100
WIDTH, PHONE, HEIGHT, TALLEST = 1280, 390, 800, 1400


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "screens")
    parser.add_argument("--only", default="", help="names that start so")
    options = parser.parse_args()
    if executable() is None:
        print("There is no Chromium here: `make chromium` installs it where it may.")
        return 1
    options.folder.mkdir(parents=True, exist_ok=True)
    with running() as site, sync_playwright() as playwright:
        browser, failed = launched(playwright), []
        print(f"The sample store lives for {LIVE_SECONDS} s …", flush=True)
        time.sleep(LIVE_SECONDS)
        for picture in PICTURES:
            if picture.name.startswith(options.only):
                path = options.folder / f"{picture.name}.webp"
                try:
                    path.write_bytes(taken(browser, site, picture))
                except PlaywrightError as error:  # the others are taken all the same
                    failed.append(picture.name)
                    print(f"{path.name}: {error.message.partition(chr(10))[0]}", flush=True)
                else:
                    print(f"{path.name}: {path.stat().st_size // 1024} KB", flush=True)
    return 1 if failed else 0


@contextmanager
def running() -> Iterator[str]:
    """The address of the product with its sample store, and a partner of it that is down."""
    port = free_port()
    with TemporaryDirectory() as folder:
        env = {name: value for name, value in os.environ.items() if not name.startswith("POSTRIDER_")}
        env.pop("DATABASE_URL", None)
        env |= {"POSTRIDER_DATA": folder, "PORT": str(port), "POSTRIDER_ADMIN_PASSWORD": PASSWORD}
        command = [sys.executable, str(ROOT / "manage.py")]
        up = subprocess.Popen([*command, "up"], env=env, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            _wait_until_ready(up)
            inside = {**env, "POSTRIDER_ALLOWED_NETWORKS": "127.0.0.0/8"}
            profiles = str(Path(__file__).with_name("profiles.json"))
            subprocess.run([*command, "load_profiles", profiles], env=inside, check=True, cwd=ROOT)
            site = f"http://127.0.0.1:{port}"
            user = _printed([*command, "create_api_user", "--location", STORE, "--json"], inside)
            _add_postback(site, user)
            _printed([*command, "shell", "-c", YESTERDAY], inside)
            yield site
        finally:
            up.terminate()
            up.wait(60)


def _printed(command: list[str], env: dict[str, str]) -> str:
    return subprocess.run(command, env=env, check=True, cwd=ROOT, capture_output=True, text=True).stdout


def _add_postback(site: str, user: str) -> None:
    """As an integrator does it, with what `create_api_user` printed."""
    said = json.loads(user)
    keys = {name.replace("_", "-"): said[name] for name in ("developer_id", "user_id", "user_api_key")}
    for resource in ("contact", "order"):
        config = {
            **{"location_id": said["location_id"], "resource": resource, "is_active": "1"},
            **{"on_create": "1", "on_update": "1", "on_delete": "0", "number_of_attempts": 5},
            **{"url": f"{site}/receiver/mailing-list/"},
        }
        answer = requests.post(
            f"{site}/v2/postbackconfigs", json={"postbackconfig": config}, headers=keys, timeout=30
        )
        answer.raise_for_status()


def _wait_until_ready(up: "subprocess.Popen[str]") -> None:
    assert up.stdout is not None
    end = time.monotonic() + READY_SECONDS
    for line in up.stdout:
        print(f"  {line.rstrip()}", flush=True)
        if "is ready at" in line:
            return
        assert time.monotonic() < end, "it did not start in time"
    raise AssertionError("it ended by itself")


def taken(browser: Browser, site: str, picture: Picture) -> bytes:
    """One picture, small."""
    width = PHONE if picture.is_phone else WIDTH
    context = browser.new_context(
        base_url=site,
        viewport={"width": width, "height": HEIGHT},
        color_scheme="dark" if picture.is_dark else "light",
        device_scale_factor=2 if picture.is_phone else 1,
        timezone_id="UTC",
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    if picture.is_logged_in:
        _log_in(page)
    picture.open(page)
    page.wait_for_load_state("networkidle")
    shot = page.screenshot(full_page=picture.is_whole, animations="disabled")
    context.close()
    image = Image.open(io.BytesIO(shot))
    image = image.crop((0, 0, image.width, min(image.height, TALLEST * (2 if picture.is_phone else 1))))
    small = io.BytesIO()
    image.save(small, "WEBP", quality=82, method=6)
    return small.getvalue()


def _log_in(page: Page) -> None:
    page.goto("/admin/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")


if __name__ == "__main__":
    sys.exit(main())
