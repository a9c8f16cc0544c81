"""A web page with fifty resources, from nginx over TLS with HTTP/1.1 or HTTP/2; the page itself checks what it got.

When the browser has loaded everything, a script counts the pictures, styles and scripts that are as they should be, and
tells the server: the last line of its log is the browser's report.
"""

import contextlib
import json
import random
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.apps.certificates import Certificates
from tests.apps.programs import Running
from tests.apps.world import World

PICTURES, STYLES, SCRIPTS = 20, 15, 15
RESOURCES = PICTURES + STYLES + SCRIPTS
RESOURCE_SIZE = 4000  # bytes that do not compress

_CHECK = """
addEventListener("load", () => setTimeout(() => {
  const picture = image => image.naturalWidth === Number(image.dataset.width);
  const style = n => getComputedStyle(document.getElementById("p" + n)).order === String(n + 1);
  const good = {
    pictures: [...document.images].filter(picture).length,
    styles: [...Array(STYLES).keys()].filter(style).length,
    scripts: [...Array(SCRIPTS).keys()].filter(n => window.ran && ran[n] === n * n).length,
  };
  const resources = performance.getEntriesByType("resource");
  const page = performance.getEntriesByType("navigation")[0];
  const report = {
    ...good,
    protocols: [...new Set([page, ...resources].map(entry => entry.nextHopProtocol))],
    first_byte_ms: Math.round(page.responseStart),
    loaded_ms: Math.round(page.loadEventEnd),
    bytes: [page, ...resources].reduce((sum, entry) => sum + entry.transferSize, 0),
  };
  fetch("/report?" + new URLSearchParams({visit: location.hash.slice(1), json: JSON.stringify(report)}));
}, 0));
"""

_NGINX = """
daemon off;
user root;
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/nginx-error.log;
events {{ }}
http {{
  log_format requests '$server_protocol $request_uri';
  access_log {home}/requests.log requests;
  types {{ text/html html; text/css css; text/javascript js; image/svg+xml svg; }}
  client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3;
  uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5;
  server {{
    listen {address}:{port} ssl{http2};
    ssl_certificate {certificates.chain};
    ssl_certificate_key {certificates.key};
    root {home}/site;
    location = /favicon.ico {{ return 204; }}
    location = /report {{ return 204; }}
  }}
}}
"""


@dataclass(frozen=True)
class Report:
    """What the browser found: good resources by kind, protocols in use, milliseconds, bytes with headers."""

    pictures: int
    styles: int
    scripts: int
    protocols: list[str]
    first_byte_ms: int
    loaded_ms: int
    bytes: int

    @property
    def is_whole(self) -> bool:
        """Whether every resource arrived and is what it should be."""
        return (self.pictures, self.styles, self.scripts) == (PICTURES, STYLES, SCRIPTS)


@dataclass(frozen=True)
class Website:
    url: str
    log: Path

    def new_visit(self) -> tuple[str, str]:
        """An address to open, and how to ask for its report."""
        visit = secrets.token_hex(4)
        return f"{self.url}#{visit}", visit

    def report(self, visit: str) -> Report | None:
        """That of the browser, once it has come."""
        if not self.log.exists():
            return None
        for line in self.log.read_text().splitlines():
            query = parse_qs(urlsplit(line.partition(" ")[2]).query)
            if query.get("visit") == [visit]:
                return Report(**json.loads(query["json"][0]))
        return None

    def protocols(self) -> dict[str, int]:
        """How many requests for resources came by which version of HTTP, as nginx counts."""
        lines = [line.split(" ", 1) for line in self.log.read_text().splitlines()]
        found = [protocol for protocol, path in lines if path.startswith("/r") and not path.startswith("/report")]
        return {protocol: found.count(protocol) for protocol in set(found)}


@contextlib.asynccontextmanager
async def website(world: World, certificates: Certificates, home: Path, *, http2: bool) -> AsyncIterator[Website]:
    """Served in the outside."""
    _write_site(home / "site")
    port = world.port(443)
    settings = home / "nginx.conf"
    settings.write_text(
        _NGINX.format(
            home=home, address=world.address, port=port, http2=" http2" if http2 else "", certificates=certificates
        )
    )
    words = ("nginx", "-e", str(home / "nginx-error.log"), "-c", str(settings))
    with Running(world.outside, home, *words) as running:
        await running.listens(world.outside, world.address, port)
        yield Website(f"https://{world.target}:{port}/index.html", home / "requests.log")


def _write_site(folder: Path) -> None:
    folder.mkdir()
    rng = random.Random(50)
    head, body = [], []
    for number in range(STYLES):
        noise = rng.randbytes(RESOURCE_SIZE // 2).hex()
        (folder / f"r{number}.css").write_text(f"#p{number} {{ order: {number + 1} }} /* {noise} */")
        head.append(f'<link rel="stylesheet" href="r{number}.css">')
        body.append(f'<p id="p{number}"></p>')
    for number in range(SCRIPTS):
        noise = rng.randbytes(RESOURCE_SIZE // 2).hex()
        (folder / f"r{number}.js").write_text(f"(window.ran ??= {{}})[{number}] = {number}*{number}; // {noise}")
        body.append(f'<script src="r{number}.js"></script>')
    for number in range(PICTURES):
        noise = rng.randbytes(RESOURCE_SIZE // 2).hex()
        (folder / f"r{number}.svg").write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{number + 1}" height="8"><desc>{noise}</desc></svg>'
        )
        body.append(f'<img src="r{number}.svg" data-width="{number + 1}">')
    script = _CHECK.replace("STYLES", str(STYLES)).replace("SCRIPTS", str(SCRIPTS))
    start = "<!doctype html><meta charset=utf-8><title>fifty</title>"
    (folder / "index.html").write_text("".join([start, *head, f"<script>{script}</script>", *body]))
