"""Browsers with the port as their HTTP proxy: they get their tunnels, and no web page in them finds the program."""

import json
import socket
from pathlib import Path

import pytest
from aiohttp import web

from tests.apps.browsers import BROWSERS, browsing_by_tunnels
from tests.apps.certificates import Certificates
from tests.apps.programs import needed
from tests.apps.proxy import Proxy
from tests.apps.world import World
from tests.helpers.targets import file_server, served

# Each way in which a page can speak to a port, and what it hears; by the proxy's own rule loopback is asked directly.
PAGE = """<body><script>
const heard = (error) => error.name + ': ' + error.message;
const loaded = (tag, url) => new Promise((done) => {
  const element = document.createElement(tag);
  element.onload = () => done('loaded');
  element.onerror = () => done('failed');
  element.src = url;
  document.body.append(element);
});
const ways = {
  simple: (url) => fetch(url, {mode: 'no-cors'}),
  cors: (url) => fetch(url),
  post: (url) => fetch(url, {method: 'POST', mode: 'no-cors', body: 'x'.repeat(100000)}),
  preflight: (url) => fetch(url, {method: 'PUT', body: 'x'}),
  header: (url) => fetch(url, {headers: {'X-Own': 'x'}}),
  long: (url) => fetch(url + 'a'.repeat(100000), {mode: 'no-cors'}),
  tls: (url) => fetch(url.replace('http', 'https'), {mode: 'no-cors'}),
  image: (url) => loaded('img', url + 'x.png'),
  script: (url) => loaded('script', url + 'x.js'),
  socket: (url) => new Promise((done) => {
    const socket = new WebSocket(url.replace('http', 'ws'));
    socket.onopen = () => done('open');
    socket.onclose = (event) => done('closed ' + event.code);
  }),
};
const text = (answer) => answer instanceof Response ? 'answered ' + answer.type : answer;
const said = {};
(async () => {
  for (const [name, url] of Object.entries(URLS)) {
    said[name] = {};
    for (const [way, ask] of Object.entries(ways))
      said[name][way] = await ask(url).then(text, heard);
  }
  said.tunnel = await ways.simple(TARGET).then(text, heard);
  await fetch('/report', {method: 'POST', body: JSON.stringify(said)});
})();
</script>"""


# Other names of this computer, which a page may use as well: what it says in `Host` is then another.
THIS_COMPUTER = ("127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("browser", BROWSERS)
async def test_a_web_page_hears_of_both_doors_what_it_hears_of_a_closed_port(
    browser: str, world: World, proxy: Proxy, certificates: Certificates, tmp_path: Path
) -> None:
    needed(*BROWSERS[browser])
    with world.inside.entered():
        listening = socket.create_server(("127.0.0.1", 0))
        with socket.create_server(("127.0.0.1", 0)) as once:
            closed = once.getsockname()[1]
    ports = {"closed": closed, "socks": proxy.endpoint.port, "rpc": int((proxy.rpc or "").rpartition(":")[2])}
    urls = {f"{name} as {host}": f"http://{host}:{port}/" for host in THIS_COMPUTER for name, port in ports.items()}
    said: list[dict[str, dict[str, str] | str]] = []

    async def page(_: web.Request) -> web.Response:
        places = f"<script>const URLS = {json.dumps(urls)}, TARGET = 'https://{world.target}:{port}/file';</script>"
        return web.Response(text=places + PAGE, content_type="text/html")

    async def report(request: web.Request) -> web.Response:
        said.append(await request.json())
        return web.Response()

    application = web.Application()
    application.add_routes([web.get("/", page), web.post("/report", report)])
    async with (
        file_server({"/file": b"x"}, world.listen(443), certificates.server) as port,
        served(application, listening) as own,
    ):
        address = f"http://127.0.0.1:{own}/"
        with browsing_by_tunnels(browser, world, proxy, certificates, tmp_path, THIS_COMPUTER, address) as running:
            await running.wait_for(lambda: bool(said), 120.0, "report")
    (heard,) = said
    for host in THIS_COMPUTER:
        assert heard[f"socks as {host}"] == heard[f"rpc as {host}"] == heard[f"closed as {host}"], host
        assert not any("answered" in what or "loaded" in what for what in heard[f"closed as {host}"].values())
    assert heard["tunnel"] == "answered opaque"
