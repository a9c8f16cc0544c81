"""Electrum by its recipe: it follows a chain, sees what it was paid, and pays, all through one server."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.apps.certificates import self_signed
from tests.apps.electrum_server import ElectrumServer, Transaction, electrum_server, script_of
from tests.apps.programs import PATIENCE, Running, needed, run
from tests.apps.proxy import Proxy
from tests.apps.recipe_values import recipe_value
from tests.apps.world import Machine, World

COIN = 100_000_000  # satoshi
SHOP = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"  # the program of BIP 173's example
FEE = 10_000


class Wallet:
    """The commands of one wallet, most of which the daemon carries out."""

    def __init__(self, machine: Machine, home: Path) -> None:
        self._machine, self._home = machine, home
        self.folder = ("--regtest", "--dir", str(home / "electrum"))

    async def __call__(self, command: str, *words: str) -> str:
        ended = await run(self._machine, self._home, "electrum", command, *words, *self.folder)
        return ended.checked().decode().strip()

    async def until_balance(self, **wanted: str) -> None:
        """Wait until this is what it has: bitcoins by kind."""
        seen: object = None
        try:
            async with asyncio.timeout(PATIENCE):
                while (seen := json.loads(await self("getbalance"))) != wanted:  # noqa: ASYNC110 -- of another program
                    await asyncio.sleep(1.0)
        except TimeoutError:
            pytest.fail(f"the balance is {seen}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "usual"), [("t", 8332), ("s", 50002)], ids=["plain", "tls"])
async def test_electrum_sees_what_it_was_paid_and_pays(
    world: World, proxy: Proxy, tmp_path: Path, kind: str, usual: int
) -> None:
    needed("electrum")
    if not world.apart:
        pytest.skip("a server on loopback may be reached without the proxy")
    listening = world.listen(usual)
    place = f"{world.target}:{listening.getsockname()[1]}:{kind}"
    wallet = Wallet(world.inside, tmp_path)
    for step, replaced in enumerate(({}, {}, {"electrum.example.org:50002:s": place})):
        words = recipe_value(proxy, "electrum", step, **replaced).split()
        (await run(world.inside, tmp_path, *words, *wallet.folder)).checked()
    await wallet("create", "--offline")
    address = json.loads(await wallet("listaddresses", "--offline"))[0]
    tls = self_signed(tmp_path, world.target) if kind == "s" else None
    async with electrum_server(listening, tls) as server:
        for _ in range(20):
            server.mine(Transaction.out_of_nothing(COIN, SHOP))
        server.mine(Transaction.out_of_nothing(COIN, address))
        for is_first in (True, False):  # what a recipe sets has to hold for every start
            server.requests.clear()
            with Running(world.inside, tmp_path, "electrum", "daemon", *wallet.folder, "-v") as running:
                await running.wait_for(
                    lambda: "blockchain.headers.subscribe" in server.requests, PATIENCE, "first request"
                )
                await wallet("load_wallet")
                if is_first:
                    await wallet.until_balance(confirmed="1")
                    await pay(wallet, server)
                else:
                    await wallet.until_balance(confirmed="0.7499")


async def pay(wallet: Wallet, server: ElectrumServer) -> None:
    """A quarter of the coin to the shop; once it is in a block the wallet knows that the rest is left."""
    signed = await wallet("payto", SHOP, "0.25", "--fee", f"{FEE / COIN:.8f}")
    told = await wallet("broadcast", signed)
    (paid,) = server.broadcast
    assert told == paid.id
    assert (COIN // 4, script_of(SHOP)) in paid.pays
    assert COIN - sum(satoshi for satoshi, _ in paid.pays) == FEE
    server.mine(paid)
    await wallet.until_balance(confirmed="0.7499")
