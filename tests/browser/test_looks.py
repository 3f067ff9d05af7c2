"""On a phone, by day and by night, for five minutes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from browser.conftest import explain

Visit = Callable[..., Any]
PHONE = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


@pytest.mark.parametrize(
    "kind", ["explained", "explained_by_own", "explained_by_shared"]
)
def test_a_phone_scrolls_down_only(
    kind: str, request: pytest.FixtureRequest, visit: Visit
) -> None:
    explained = request.getfixturevalue(kind)
    page = visit(explained.address, **PHONE)
    page.click("#all-atoms")
    widths = "[document.documentElement.scrollWidth, innerWidth]"
    assert page.evaluate(widths) == [360, 360]
    button = page.locator('.lane[data-class="speech"] .found button').first
    button.tap()
    assert "are exact" in page.inner_text("#exactness")
    page.locator('[data-hint="z"], [data-hint="adds"]').first.tap()
    box = page.locator("#hint").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_hard_to_read(
    explained: Any, visit: Visit, theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = visit(explained.address, color_scheme=theme)
    page.click("#all-atoms")
    results = axe.run(page)
    assert results.violations_count == 0, results.generate_report()


def test_the_theme_is_that_of_the_reader(explained: Any, visit: Visit) -> None:
    pixel = (
        "Array.from(byId('picture').getContext('2d')"
        ".getImageData(450, 2, 1, 1).data.slice(0, 3))"
    )
    page = visit(explained.address, color_scheme="light")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)
    assert max(page.evaluate(pixel)) < 120
    page = visit(explained.address, color_scheme="light")
    assert min(page.evaluate(pixel)) > 135


def test_five_minutes_are_less_than_10_mb(
    programme: np.ndarray, visit: Visit, tmp_path: Any
) -> None:
    explained = explain(np.tile(programme, 15), tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 10e6
    page = visit(explained.address)
    inside = page.evaluate("[track.offsetWidth, timeline.clientWidth]")
    assert inside[0] > inside[1]
    page.click("#zoom-in")
    assert page.evaluate("track.offsetWidth") == pytest.approx(2 * inside[0], 1)
    last = page.locator('.lane[data-class="speech"] .found button').last
    last.click()
    assert float(last.get_attribute("data-start")) > 280
    assert "are exact" in page.inner_text("#exactness")
