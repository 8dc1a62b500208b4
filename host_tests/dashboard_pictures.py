"""The pictures of the dashboard in the documents, taken of a real demo under a real attack.

python dashboard_pictures.py FOLDER
"""

import sys
import tempfile
import time
from pathlib import Path

from browser import Browser, a_browser
from test_dashboard_in_a_browser import a_demo

MOTES = 4
FILLS_S = 75  # until small lines and charts have something to show


def take(browser: Browser, path: Path) -> None:
    """The window as it is, once what moves has come to rest."""
    browser.until(lambda: not browser.all("[aria-busy='true']"))
    time.sleep(1)
    browser.driver.save_screenshot(str(path))
    print(f"{path}: {path.stat().st_size:,} bytes")


def main(folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as scratch,
        a_browser(Path(scratch)) as browser,
        a_demo("--attack", "--motes", str(MOTES)) as demo,
    ):
        browser.until(lambda: demo.links)
        browser.look(1440, 900)
        browser.open(demo.links[-1])
        browser.find("a[href='#/mote/cellar']")
        address = browser.driver.current_url
        browser.until(lambda: any(line["event"] == "refused" for line in demo.lines), "the attack")
        time.sleep(FILLS_S)
        take(browser, folder / "dashboard-fleet.png")
        browser.look(390, 844, phone=True)
        browser.open(address)
        browser.find(".tile")
        take(browser, folder / "dashboard-phone.png")
        browser.look(1440, 1180, dark=False)
        browser.open(f"{address}#/mote/cellar")
        browser.find(".chart .line")
        switch = browser.find("button[aria-label='relay of cellar']")
        switch.click()
        browser.find(".control .answer.good")
        take(browser, folder / "dashboard-mote.png")
        browser.look(1440, 900)
        browser.open(f"{address}#/mote/cellar")
        browser.until(lambda: "temperature" in browser.text(".side.opened"))
        browser.run("document.querySelector('.wire').closest('section').scrollIntoView({block: 'center'})")
        take(browser, folder / "dashboard-wire.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
