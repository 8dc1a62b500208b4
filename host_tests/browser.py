"""A real browser without a screen: the machine's own Chromium, driven by selenium. It fetches nothing of its own."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

WAIT_S = 60
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/lib/chromium", "/usr/lib/chromium-browser"])


class Browser:
    """One window. Whatever is waited for is asked of the page again and again, for WAIT_S at most."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get("about:blank")  # else another # in the address loads nothing
        self.driver.get(url)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def find(self, css: str) -> WebElement:
        """The first of these, once there is one that can be seen."""
        return self.until(lambda: next((each for each in self.all(css) if each.is_displayed()), None), css)

    def text(self, css: str) -> str:
        return self.until(lambda: self.find(css).text, css)

    def click(self, css: str) -> None:
        """Click on it, once that can be done."""
        self.until(lambda: not self.find(css).click(), css)

    def until(self, condition, what: str = ""):
        """Wait for `condition` to give something true, and give it."""
        end = time.monotonic() + WAIT_S
        while True:
            with contextlib.suppress(StaleElementReferenceException):
                if found := condition():
                    return found
            assert time.monotonic() < end, f"{what}: not seen in\n{self.driver.page_source[:4000]}"
            time.sleep(0.05)

    def look(self, width: int, height: int, dark: bool = True, phone: bool = False) -> None:
        """What the window and its owner's taste are."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        taste = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [taste]})

    def run(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """What the browser found wrong: scripts that failed, whatever the page's policy forbade."""
        return [each["message"] for each in self.driver.get_log("browser") if each["level"] == "SEVERE"]


@contextlib.contextmanager
def a_browser(folder: Path) -> Iterator[Browser]:
    """A Browser that has never been anywhere. Skips the test where there is none."""
    program, helper = shutil.which("chromium", path=_PLACES), shutil.which("chromedriver", path=_PLACES)
    if program is None or helper is None:
        pytest.skip("chromium and chromedriver are not installed: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for each in (*_QUIET, f"--user-data-dir={folder}"):
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(helper))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
