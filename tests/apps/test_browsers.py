"""Browsers load a page with fifty resources, over HTTP/1.1 and over HTTP/2."""

from pathlib import Path

import pytest

from tests.apps.browsers import BROWSERS, browsing
from tests.apps.certificates import Certificates
from tests.apps.programs import needed
from tests.apps.proxy import Proxy
from tests.apps.website import RESOURCES, website
from tests.apps.world import World

LOADING = 120.0


@pytest.mark.timeout(180)
@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@pytest.mark.parametrize("browser", BROWSERS)
async def test_a_browser_loads_a_page_with_fifty_resources(
    world: World, proxy: Proxy, certificates: Certificates, tmp_path: Path, browser: str, http2: bool
) -> None:
    needed("nginx", *BROWSERS[browser])
    async with website(world, certificates, tmp_path, http2=http2) as site:
        url, visit = site.new_visit()
        with browsing(browser, world, proxy, certificates, tmp_path, url) as running:
            await running.wait_for(lambda: site.report(visit) is not None, LOADING, f"report; {site.log}")
        report = site.report(visit)
        assert report is not None
        assert report.is_whole, report
        assert report.protocols == (["h2"] if http2 else ["http/1.1"])
        assert site.protocols() == {"HTTP/2.0" if http2 else "HTTP/1.1": RESOURCES}
