"""Chromium, driven by Playwright, with the checks of axe-core."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import sync_playwright

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
# As root, Chromium needs no sandbox; the others keep it from calling other servers.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def program():
    found = os.environ.get("LANDBRIDGE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert found, "Chromium is not installed: scripts/chromium-for-tests.sh"
    return found


class Seen:
    """What a page complained about."""

    def __init__(self):
        self.errors = []

    def watch(self, page):
        page.on("console", lambda it: it.type in ("error", "warning") and self.errors.append(f"{page.url}: {it.text}"))
        page.on("pageerror", lambda it: self.errors.append(f"{page.url}: {it}"))
        page.on("requestfailed", lambda it: self.failed(page, it))

    def failed(self, page, request):
        # A stream of events ends with its page.
        if not request.url.endswith("/events"):
            self.errors.append(f"{page.url}: {request.url} {request.failure}")


@contextlib.contextmanager
def chromium(**options):
    """A new profile of Chromium, and what its pages complain about."""
    seen = Seen()
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=program(), headless=True, args=FLAGS, **options
        )
        page = context.pages[0]
        seen.watch(page)
        yield page, seen
        context.close()


def violations(page):
    """What axe-core finds that is serious or critical, as lines."""
    # The policy of the pages forbids scripts in them; this one goes past it.
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{page.url}: {it['id']} ({it['impact']}): {node['target']} {node.get('failureSummary', '')}"
        for it in found
        if it["impact"] in ("serious", "critical")
        for node in it["nodes"]
    ]
