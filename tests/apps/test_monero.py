"""Monero's wallets of the command line, whose node is behind the mixnet: a chain of its own, made on demand.

The wallets ask for the node by name with SOCKS4a, read its blocks and send a payment, all over TLS.
"""

import contextlib
import json
import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.apps.certificates import Certificates
from tests.apps.programs import Running, needed, run
from tests.apps.proxy import Proxy
from tests.apps.recipe_values import recipe_value
from tests.apps.world import Machine, World

COIN = 10**12  # piconero
WALLET_PORT = 28083
BLOCKS_BEFORE, BLOCKS_AFTER = 90, 11  # what is mined matures after 60 blocks, what is paid after 10
PASSWORD = "nothing to steal"


@dataclass(frozen=True)
class Rpc:
    """JSON-RPC 2.0 over HTTP, asked by curl on the machine where it is served."""

    machine: Machine
    home: Path
    options: tuple[str, ...]
    url: str

    async def __call__(self, method: str, **parameters: object) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": "0", "method": method, "params": parameters}
        words = ("curl", "-q", "--silent", "--show-error", "--fail", *self.options, "--data", json.dumps(request))
        answer = json.loads((await run(self.machine, self.home, *words, self.url)).checked())
        assert "result" in answer, f"{method}: {answer}"
        result: dict[str, Any] = answer["result"]
        return result


@contextlib.asynccontextmanager
async def node(world: World, certificates: Certificates, home: Path) -> AsyncIterator[tuple[Rpc, int]]:
    """A chain on which a block costs one hash; yields how to ask it, and its port."""
    port = world.port(18089)
    options = {
        "--data-dir": str(home / "chain"),
        "--fixed-difficulty": "1",
        "--rpc-bind-ip": world.address,
        "--rpc-bind-port": str(port),
        "--rpc-ssl": "enabled",
        "--rpc-ssl-certificate": str(certificates.chain),
        "--rpc-ssl-private-key": str(certificates.key),
        "--check-updates": "disabled",
    }
    flags = ("--regtest", "--offline", "--confirm-external-bind", "--non-interactive", "--no-igd", "--no-zmq")
    words = [word for pair in options.items() for word in pair]
    with Running(world.outside, home, "monerod", *flags, "--disable-dns-checkpoints", *words) as running:
        await running.listens(world.outside, world.address, port)
        tls = ("--cacert", str(certificates.authority))
        yield Rpc(world.outside, home, tls, f"https://{world.target}:{port}/json_rpc"), port


async def mine(chain: Rpc, blocks: int, address: str) -> None:
    """A few at a time, for the node hangs up on a request that takes long."""
    while blocks > 0:
        await chain("generateblocks", amount_of_blocks=min(blocks, 10), wallet_address=address)
        blocks -= 10


def wallet_options(world: World, proxy: Proxy, certificates: Certificates, port: int) -> list[str]:
    """Those of the recipe, with the authority that the recipe advises in place of any certificate."""
    authority = recipe_value(proxy, "monero-cli", 2, **{"node.pem": str(certificates.authority)})
    replaced = {"node.example.org:18089": f"{world.target}:{port}", "--daemon-ssl-allow-any-cert": authority}
    return shlex.split(recipe_value(proxy, "monero-cli", 0, **replaced))[1:-2]


@contextlib.asynccontextmanager
async def wallets(world: World, options: list[str], home: Path) -> AsyncIterator[Rpc]:
    (home / "wallets").mkdir()
    more = ("--rpc-bind-port", str(WALLET_PORT), "--disable-rpc-login", "--wallet-dir", str(home / "wallets"))
    with Running(world.inside, home, "monero-wallet-rpc", *options, *more, "--non-interactive") as running:
        await running.listens(world.inside, "127.0.0.1", WALLET_PORT)
        yield Rpc(world.inside, home, (), f"http://127.0.0.1:{WALLET_PORT}/json_rpc")


@pytest.mark.timeout(600)
async def test_wallets_read_the_chain_and_pay(
    world: World, proxy: Proxy, certificates: Certificates, tmp_path: Path
) -> None:
    needed("monerod", "monero-wallet-rpc", "monero-wallet-cli", "curl")
    async with node(world, certificates, tmp_path) as (chain, port):
        options = wallet_options(world, proxy, certificates, port)
        async with wallets(world, options, tmp_path) as wallet:
            addresses = {}
            for name in ("bob", "alice"):
                await wallet("create_wallet", filename=name, password=PASSWORD, language="English")
                addresses[name] = (await wallet("get_address", account_index=0))["address"]
            await mine(chain, BLOCKS_BEFORE, addresses["alice"])
            await wallet("refresh")
            assert (await wallet("get_height"))["height"] == 1 + BLOCKS_BEFORE  # the first is in the program
            assert (await wallet("get_balance", account_index=0))["unlocked_balance"] > COIN
            paid = await wallet("transfer", destinations=[{"amount": COIN, "address": addresses["bob"]}])
            assert paid["amount"] == COIN
            await mine(chain, BLOCKS_AFTER, addresses["alice"])
            await wallet("open_wallet", filename="bob", password=PASSWORD)
            await wallet("refresh")
            assert (await wallet("get_balance", account_index=0))["unlocked_balance"] == COIN
            received = await wallet("get_transfers", **{"in": True})
            assert [transfer["txid"] for transfer in received["in"]] == [paid["tx_hash"]]
            await wallet("close_wallet")
        bob = ("--wallet-file", str(tmp_path / "wallets" / "bob"), "--password", PASSWORD, "--command", "balance")
        ended = await run(world.inside, tmp_path, "monero-wallet-cli", *options, *bob)
        assert "Balance: 1.000000000000, unlocked balance: 1.000000000000" in ended.checked().decode()
