"""The dashboard as its owner has it: a real Chromium at the demo, with real motes, a real relay and a real attack."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser import Browser, a_browser
from dashboard_visitor import PASSPHRASE, a_house
from ironmote.dashboard.invitation import Invitation
from ironmote.dashboard.server import Server
from mote.record import Reading
from selenium.webdriver.common.keys import Keys

WICKED = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with a_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


class Demo:
    """`ironmote demo`, and the link to its dashboard that it printed last."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.links: list[str] = []
        self.lines: list[dict] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            said = json.loads(line)
            self.lines.append(said)
            if said["event"] == "dashboard":
                self.links.append(said["link"])


@contextlib.contextmanager
def a_demo(*arguments: str) -> Iterator[Demo]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ironmote", "demo", "--json", "--dashboard", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Demo(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def test_owner_signs_in_watches_switches_and_sees_an_attack(browser: Browser):
    with a_demo("--attack") as demo:
        browser.until(lambda: demo.links, "the link to sign in with")
        browser.look(1440, 900)
        link = demo.links[0]
        browser.open(link)

        # signed in, and the link is worth nothing any more
        browser.find("a[href='#/mote/cellar']")
        address = browser.driver.current_url
        assert "sign-in" not in address
        browser.until(lambda: len(demo.links) == 2, "another link")

        # a value moves
        before = browser.text(".tile:first-child .prime .value")
        browser.until(lambda: browser.text(".tile:first-child .prime .value") != before, "another value")
        browser.until(lambda: {each.text for each in browser.all(".tile .badge")} == {"sealed", "tls"}, "channels")

        # a relay is switched, and moves once the mote has answered
        browser.open(f"{address}#/mote/cellar")
        switch = browser.find("button[aria-label='relay of cellar']")
        browser.until(lambda: browser.all(".charts .line"), "a chart")
        wanted = "false" if switch.get_attribute("aria-checked") == "true" else "true"
        switch.click()
        said = browser.text(".control .answer.good")
        assert said.startswith(f"✓ cellar says: {'on' if wanted == 'true' else 'off'} · answered in ")
        assert switch.get_attribute("aria-checked") == wanted
        told = [line for line in demo.lines if line["event"] == "command" and line["command"] == "relay"]
        assert [line["result"] for line in told] == ["done"], "and it was the mote who said so"

        # a chart tells its values by the keyboard
        chart = browser.find(".plot svg")
        chart.send_keys(Keys.ARROW_LEFT)
        assert "°C" in browser.text(".tip")
        assert "°C" in browser.run("return document.getElementById('say').textContent")

        # what others see of a message, beside what was opened of it
        browser.until(lambda: "temperature" in browser.text(".side.opened"), "an opened record")
        seen = browser.text(".side.seen")
        assert "nothing inside can be read" in seen
        assert all(part in seen for part in ("protected header", "kid", "Partial IV", "epoch", "ciphertext"))

        # a replay appears as an alert
        browser.open(f"{address}#/alerts")
        browser.until(lambda: "cellar replay" in browser.text(".feed li:has(button)"), "the replay")
        browser.click(".feed button")
        browser.until(lambda: "seen" in browser.text(".feed li"), "that it was seen")

        # on a phone, nothing has to be moved sideways
        browser.look(390, 844, dark=False, phone=True)
        for part in ("#/", "#/alerts", "#/mote/kitchen"):
            browser.open(address + part)
            browser.find(".tile, .feed, .chart .line")
            assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), part

        # the link that was used opens nothing for another
        browser.look(1440, 900)
        browser.driver.delete_all_cookies()
        browser.open(link)
        assert "was used" in browser.text(".sign-in .error")
        assert [each for each in browser.complaints() if "401" not in each] == []


def test_page_whose_session_ended_says_so_and_asks_to_sign_in_again(browser: Browser, tmp_path: Path):
    def sign_in(url: str) -> None:
        browser.open(url)
        browser.find("input[name='name']").send_keys("monitor", Keys.TAB, PASSPHRASE, Keys.ENTER)
        browser.find("a[href='#/mote/cellar']")

    def ended() -> None:
        browser.until(lambda: "session has ended" in browser.text(".sign-in .error"), "that it has ended")

    browser.look(1440, 900)
    with a_house(tmp_path) as house:
        server = house.serve()
        sign_in(server.url)
        house.accounts.add("monitor", "monitor", PASSPHRASE)  # the account has changed
        ended()
        sign_in(server.url)
        port = server.port
        house.servers.remove(server)
        server.end()
        server.stop()
        again = Server(house.sources, "127.0.0.1", port)  # anew: it knows of no sessions
        house.servers.append(again)
        again.start()
        ended()
        browser.open(again.url)
        browser.find("input[name='name']")
        assert browser.all(".sign-in .error")[0].text == "", "said once"
        browser.complaints()  # 401 and a server that was away: so it was


def test_letters_of_a_hostile_mote_are_shown_as_letters(browser: Browser, tmp_path: Path):
    with a_house(tmp_path) as house:
        invitation = Invitation()
        server = house.serve(sources=replace(house.sources, accounts=None, invitation=invitation))
        browser.look(1440, 900)
        browser.open(invitation.link(server.url))
        readings = (Reading("a", "<b>x</b>", 1.5, None), Reading("sign", None, WICKED, None))
        house.client.publish("up", house.mote.up(readings))
        house.client.publish("state", house.mote.state(why=WICKED, board=WICKED, last=WICKED, missing=[WICKED]))
        browser.until(lambda: WICKED in browser.text(".tiles"), "its letters")
        browser.open(f"{server.url}#/mote/cellar")
        browser.until(lambda: browser.text("aside").count(WICKED) == 3, "its letters")
        browser.until(lambda: WICKED in browser.text(".side.opened"), "its letters")
        assert browser.all("img[src='x']") == browser.all(".tile b b") == browser.all(".value b") == []
        assert browser.driver.title != "1"
        assert browser.complaints() == []
