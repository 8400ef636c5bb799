"""The pages of `landbridge console` in a browser. tests/it/console.rs starts the console, and says where it is."""

import json
import os
import sys
from urllib.parse import urljoin, urlsplit

import pytest

from browser import chromium, violations

ADDRESS = os.environ["CONSOLE_ADDRESS"]
PARTS = ("", "days", "incidents", "restore", "cost", "query")
KINDS = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    "korean": {"locale": "ko-KR"},
    "still": {"reduced_motion": "reduce"},
}


def links(page):
    """The pages of this server that a page names, without their language."""
    hrefs = page.eval_on_selector_all("a[href]", "all => all.map(it => it.href)")
    return {it.split("#")[0] for it in hrefs if it.startswith(ADDRESS) and "still=" not in it and "lang=" not in it}


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_is_quiet_and_accessible(kind):
    with chromium(**KINDS[kind]) as (page, seen):
        todo, done, problems = [ADDRESS], set(), []
        while todo and len(done) < 40:
            url = todo.pop(0)
            if url in done:
                continue
            done.add(url)
            answer = page.goto(url)
            assert answer.status == 200, f"{url}: {answer.status}"
            problems += violations(page)
            assert page.locator("h1").count() == 1, url
            assert page.locator("main").count() == 1, url
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{url} is {wide} pixels too wide"
            expected = "ko" if kind == "korean" else "en"
            assert page.evaluate("document.documentElement.lang") == expected, url
            # A part of each kind of page, so that the walk ends.
            by_kind = {}
            for link in sorted(links(page) - done):
                by_kind.setdefault(urlsplit(link).path.split("/")[1], []).append(link)
            todo += [it for group in by_kind.values() for it in group[:4]]
        paths = {urlsplit(it).path.split("/")[1] for it in done}
        assert paths >= set(PARTS) | {"tables", "receipts"}, paths
        assert not problems, "\n".join(problems)
        assert not seen.errors, "\n".join(seen.errors)


def test_the_pages_need_no_script():
    """Playwright runs no script of the page, and axe-core needs one: the content alone is looked at."""
    with chromium(java_script_enabled=False) as (page, seen):
        page.goto(ADDRESS)
        # While a day may still change, the page is loaded again by the browser itself.
        assert page.locator("noscript meta[http-equiv=refresh], meta[http-equiv=refresh]").count() == 1
        page.get_by_role("navigation").get_by_role("link", name="Tables × days").click()
        cell = page.locator("a.cell").first
        cell.click()
        page.wait_for_url("**/receipts/**")
        page.goto(urljoin(ADDRESS, "query"))
        page.get_by_label("GoogleSQL").fill(os.environ["CONSOLE_QUERY"])
        page.get_by_role("button", name="Run").click()
        assert page.get_by_role("heading", name="As analyst sees it").count() == 1
        assert not seen.errors, seen.errors


@pytest.mark.skipif("CONSOLE_INCIDENT" not in os.environ, reason="only with a held table")
def test_a_held_table_is_found_from_the_first_page():
    """From the first page to the command that ends the incident, and to the receipt that says why."""
    number = os.environ["CONSOLE_INCIDENT"]
    table = os.environ["CONSOLE_HELD"].rpartition(".")[2]
    with chromium() as (page, seen):
        page.goto(ADDRESS)
        assert "published" not in page.locator("h1").inner_text(), page.locator("h1").inner_text()
        problems = violations(page)
        page.locator(f"main a[href*='incidents/{number}']").first.click()
        page.wait_for_url(f"**/incidents/{number}*")
        text = page.locator("main").inner_text()
        for part in [table, "Analysts see yesterday's rows", "landbridge receipt 2026-11-22 --table"]:
            assert part in text, f"{part} is not in {text}"
        problems += violations(page)
        page.get_by_role("navigation").get_by_role("link", name="Incidents").click()
        problems += violations(page)
        assert page.locator(f"main a[href*='incidents/{number}']").count() >= 1
        page.get_by_role("navigation").get_by_role("link", name="Tables × days").click()
        held = page.locator("a.cell[aria-label*='held']")
        assert held.count() == 1, page.locator("main").inner_text()
        problems += violations(page)
        held.click()
        page.wait_for_url("**/receipts/**")
        assert "contract.yaml" in page.locator("main").inner_text(), page.locator("main").inner_text()
        problems += violations(page)
        page.goto(urljoin(ADDRESS, f"incidents/{number}?lang=ko"))
        problems += violations(page)
        assert page.evaluate("document.documentElement.lang") == "ko"
        assert page.goto(urljoin(ADDRESS, "incidents/999")).status == 404
        assert not problems, "\n".join(problems)
        assert all("404" in it for it in seen.errors), seen.errors


def ask(page, eyes, sql):
    page.goto(urljoin(ADDRESS, "query"))
    page.get_by_role("radio", name=eyes).check()
    page.get_by_label("GoogleSQL").fill(sql)
    page.get_by_role("button", name="Run").click()
    page.get_by_role("heading", name=f"As {eyes} sees it").wait_for()
    return page.locator("section.result").inner_text()


def test_three_pairs_of_eyes_see_three_things():
    sql = os.environ["CONSOLE_QUERY"]
    plain = os.environ["CONSOLE_PLAIN"]
    with chromium() as (page, seen):
        assert plain in ask(page, "pii-reader", sql)
        masked = ask(page, "analyst", sql)
        assert "XXXXX@" in masked and plain not in masked, masked
        problems = violations(page)
        refused = ask(page, "stranger", sql)
        assert "Refused" in refused and plain not in refused, refused
        wrong = ask(page, "analyst", "SELECT <script>alert(1)</script>")
        assert "The query failed" in wrong, wrong
        assert not problems + violations(page)
        assert not seen.errors, seen.errors


def test_the_keyboard_reaches_everything():
    with chromium() as (page, _):
        page.goto(urljoin(ADDRESS, "days"))
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.locator(".skip").evaluate("it => it.getBoundingClientRect().left") >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        inside = "document.querySelector('main').contains(document.activeElement)"
        assert page.evaluate(inside), page.evaluate("document.activeElement.outerHTML")
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('a.cell')"):
                break
        name = page.evaluate("document.activeElement.getAttribute('aria-label')")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert "published" in name and outline == "solid", (name, outline)
        page.keyboard.press("Enter")
        page.wait_for_url("**/receipts/**")


@pytest.mark.skipif("CONSOLE_LIVE" not in os.environ, reason="only while a day runs")
def test_a_day_is_watched():
    """The test in Rust runs the day after `watching` is printed; the page must follow without being loaded again."""
    with chromium() as (page, seen):
        page.goto(ADDRESS)
        page.evaluate(
            """() => {
                window.isTheSamePage = true;
                window.states = [];
                const note = () => {
                    const text = document.querySelector('h1').innerText + ' | ' +
                        [...document.querySelectorAll('.lane .state')].map(it => it.innerText).join(', ');
                    if (window.states.at(-1) !== text) window.states.push(text);
                };
                note();
                new MutationObserver(note).observe(document.querySelector('main'), { childList: true });
            }"""
        )
        print("watching", file=sys.__stdout__, flush=True)
        page.get_by_role("heading", name="is published").wait_for(timeout=90_000)
        page.wait_for_timeout(300)
        states = page.evaluate("window.states")
        assert page.evaluate("window.isTheSamePage"), "the page was loaded again"
        assert len(states) >= 4, json.dumps(states, indent=1)
        assert states[-1].count("done") == 4, states
        assert not violations(page)
        assert not seen.errors, seen.errors
