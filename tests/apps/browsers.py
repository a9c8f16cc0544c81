"""Chromium and Firefox without a window, each with a folder of its own, set up as their recipes say."""

import contextlib
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.apps.certificates import Certificates
from tests.apps.programs import Running
from tests.apps.proxy import Proxy
from tests.apps.recipe_values import recipe_value
from tests.apps.world import World

BROWSERS = {"chromium": ("chromium",), "firefox": ("firefox-esr", "certutil")}
# What a person sets in the window by the recipe.
_FIREFOX = """
user_pref("network.proxy.type", 1);
user_pref("network.proxy.socks", "{host}");
user_pref("network.proxy.socks_port", {port});
user_pref("network.proxy.socks_version", 5);
user_pref("network.proxy.socks_remote_dns", true);
user_pref("network.proxy.socks5_remote_dns", true);
user_pref("network.proxy.no_proxies_on", "");
user_pref("media.peerconnection.enabled", false);
user_pref("network.proxy.failover_direct", false);
user_pref("network.proxy.allow_bypass", false);
user_pref("network.proxy.allow_hijacking_localhost", true);
"""
# With an HTTP proxy it would ask a name server itself what the line can do; by the recipe it does not.
_FIREFOX_BY_TUNNELS = """
user_pref("network.connectivity-service.enabled", false);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "{host}");
user_pref("network.proxy.http_port", {port});
user_pref("network.proxy.ssl", "{host}");
user_pref("network.proxy.ssl_port", {port});
user_pref("network.proxy.no_proxies_on", "{direct}");
user_pref("media.peerconnection.enabled", false);
user_pref("network.proxy.failover_direct", false);
user_pref("network.proxy.allow_bypass", false);
"""
_FIREFOX_WITHOUT_QUESTIONS = """
user_pref("browser.shell.checkDefaultBrowser", false);
"""


@contextlib.contextmanager
def browsing(
    browser: str, world: World, proxy: Proxy | None, certificates: Certificates, home: Path, url: str
) -> Iterator[Running]:
    """Open an address in a fresh browser; without a `proxy` Chromium opens it on the machine of the targets."""
    if browser == "firefox":
        assert proxy is not None
        machine, words = world.inside, _firefox(_FIREFOX.format(host=proxy.host, port=proxy.port), certificates, home)
    else:
        machine = world.outside if proxy is None else world.inside
        words = _chromium(proxy, certificates, home)
    with Running(machine, home, *words, url, name=browser) as running:
        yield running


@contextlib.contextmanager
def browsing_by_tunnels(
    browser: str, world: World, proxy: Proxy, certificates: Certificates, home: Path, direct: Sequence[str], url: str
) -> Iterator[Running]:
    """As `browsing`, with the port as the HTTP proxy for all but the hosts `direct`."""
    if browser == "firefox":
        settings = _FIREFOX_BY_TUNNELS.format(host=proxy.host, port=proxy.port, direct=", ".join(direct))
        words = _firefox(settings, certificates, home)
    else:
        words = ["chromium", f"--user-data-dir={home}/chromium", f"--proxy-server=http://{proxy}"]
        words += [f"--proxy-bypass-list={';'.join(direct)}", *_chromium_in_a_test(certificates)]
    with Running(world.inside, home, *words, url, name=browser) as running:
        yield running


def _chromium(proxy: Proxy | None, certificates: Certificates, home: Path) -> list[str]:
    if proxy is None:
        words = ["chromium", f"--user-data-dir={home}/chromium"]
    else:
        words = shlex.split(recipe_value(proxy, "chromium", 0, **{"$HOME": str(home)}))
        if proxy.watch is None:
            words += ["--proxy-bypass-list=<-loopback>"]  # the target is on loopback, where no proxy would be used
    return [*words, *_chromium_in_a_test(certificates)]


def _chromium_in_a_test(certificates: Certificates) -> list[str]:
    """Without a window, for root without its sandbox; it accepts certificates of the tests' key."""
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    return [*words, f"--ignore-certificate-errors-spki-list={certificates.pin}"]


def _firefox(settings: str, certificates: Certificates, home: Path) -> list[str]:
    profile = home / "profile"
    profile.mkdir()
    (profile / "user.js").write_text(settings + _FIREFOX_WITHOUT_QUESTIONS)
    database = ["certutil", "-d", f"sql:{profile}"]
    subprocess.run([*database, "-N", "--empty-password"], check=True, capture_output=True)
    authority = ["-A", "-t", "C,,", "-n", "tests", "-i", str(certificates.authority)]
    subprocess.run([*database, *authority], check=True, capture_output=True)
    return ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile)]
