"""The status page in a real browser."""

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from harness.browser import browser, console
from harness.messages import upload_message
from harness.sender import COINC
from harness.stack import client_environment
from harness.status import Status
from harness.waiting import wait_until

HOSTILE = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>'


@pytest.fixture
def status(supervisor, gracedb, broker, topic) -> Status:
    yield Status(supervisor(client_environment(gracedb, broker), "--topic", topic))
    gracedb.set_faults()


@pytest.fixture
def page(status, tmp_path) -> webdriver.Chrome:
    """The page, open; afterwards its console must have been silent."""
    with browser(tmp_path / "profile") as driver:
        driver.get(status.url)
        yield driver
        assert console(driver) == []


def rows(page: webdriver.Chrome) -> list[list[str]]:
    """The cells of the list of events, newest first."""
    return page.execute_script(
        "return [...document.querySelectorAll('#events tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    )


def text(page: webdriver.Chrome, name: str) -> str:
    return page.find_element(By.ID, name).text


def marks(page: webdriver.Chrome) -> int:
    """How many events the picture of the latency shows."""
    return len(page.find_elements(By.CSS_SELECTOR, "#latency .uploaded"))


def test_events_appear_as_they_complete_without_reloading(page, gracedb, sender):
    wait_until(lambda: text(page, "verdict") == "Ready", 20, "the verdict")
    page.execute_script("window.isStillTheSamePage = true")
    assert rows(page) == []

    for number in range(1, 4):
        graceid = sender.send()
        sender.wait_until_complete(graceid)
        wait_until(lambda: rows(page) and rows(page)[0][1] == graceid, 5, f"{graceid} on the page")
        assert rows(page)[0][2] == "uploaded"
        assert len(rows(page)) == number
        assert marks(page) == number

    assert page.execute_script("return window.isStillTheSamePage")
    assert page.find_element(By.CSS_SELECTOR, "#figures dd").text == "3"


def test_outage_is_told_and_its_end_too(page, gracedb, sender):
    wait_until(lambda: text(page, "verdict") == "Ready", 20, "the verdict")
    gracedb.set_faults("503@upload")
    graceid = sender.send()

    wait_until(lambda: text(page, "verdict") == "Not ready: gracedb", 20, "the outage on the page")
    assert "503" in text(page, "checks")

    gracedb.set_faults()
    wait_until(lambda: text(page, "verdict") == "Ready", 30, "the end of the outage on the page")
    assert rows(page)[0][1] == graceid


def test_what_a_message_says_is_text_and_never_markup(page, gracedb, sender):
    url = gracedb.service_url
    for graceid, fields in (
        (HOSTILE, {}),
        ("T0001", {"labels": [HOSTILE]}),
        ("T0001", {"eventFile": [HOSTILE + "\n", "eA=="]}),
        ("T0001", {"type": HOSTILE}),
    ):
        sender.send_raw(upload_message(url, graceid, COINC, **fields), key=HOSTILE)
    good = sender.send()
    # In any order: an upload may be done before a message ahead of it is on the disk.
    wait_until(lambda: len(rows(page)) == 5, 20, "the events on the page")

    assert good in [row[1] for row in rows(page)]
    assert "<img src=x" in " ".join(row[-1] for row in rows(page))
    assert page.execute_script("return window.hacked") is None
    assert page.find_elements(By.CSS_SELECTOR, "#events img, #events script") == []


def test_list_can_be_held_by_keyboard_and_goes_on_where_it_was(page, sender):
    button = page.find_element(By.ID, "pause")
    button.send_keys(" ")
    assert button.get_attribute("aria-pressed") == "true"
    graceid = sender.send()
    wait_until(lambda: button.text == "Resume (1 new)", 20, "the event to be announced")
    assert rows(page) == []

    button.send_keys("\n")

    assert rows(page)[0][1] == graceid
    assert button.text == "Pause"


def test_page_says_that_the_supervisor_is_gone_and_finds_its_successor(
    workshop, supervisor, gracedb, broker, topic, sender, tmp_path
):
    env = client_environment(gracedb, broker)
    first = supervisor(env, "--topic", topic)
    address = Status(first).url.removeprefix("http://").removesuffix("/")
    with browser(tmp_path / "profile") as page:
        page.get(Status(first).url)
        wait_until(lambda: text(page, "verdict") == "Ready", 20, "the verdict")

        first.kill()
        wait_until(lambda: text(page, "verdict").startswith("No answer since"), 20, "the loss to be noticed")

        supervisor(env, "--topic", topic, "--listen", address)
        wait_until(lambda: text(page, "verdict") == "Ready", 30, "the successor")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_page_fits_every_screen(page, sender, width):
    sender.wait_until_complete(sender.send())
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    wait_until(lambda: rows(page), 20, "an event on the page")

    assert page.execute_script("return document.documentElement.scrollWidth") <= width
