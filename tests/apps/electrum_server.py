"""A server of the Electrum protocol (1.4), with a chain of its own in memory: what a wallet asks for, and no more.

Blocks of Bitcoin's regression test network cost nothing here, for the wallet checks how they are linked and that a
payment is in one, not what they cost. Each block holds one transaction, whose id then is its Merkle root.
"""

import asyncio
import contextlib
import hashlib
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

Json = Any
_GENESIS = bytes.fromhex(
    "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
) + bytes.fromhex("dae5494d" + "ffff7f20" + "02000000")  # of the regression test network
_BITS = bytes.fromhex("ffff7f20")
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_METHOD_NOT_FOUND = -32601


def double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def script_of(address: str) -> bytes:
    """What an address of BIP 173 with a program of 20 bytes stands for. The checksum is not looked at."""
    words = [_ALPHABET.index(letter) for letter in address.rpartition("1")[2]][:-6]
    number = 0
    for word in words[1:]:
        number = number << 5 | word
    program = (number >> (5 * len(words[1:]) - 160)).to_bytes(20, "big")
    return bytes([words[0], len(program)]) + program


@dataclass(frozen=True)
class Transaction:
    """One of Bitcoin's: `spends` are (id, number) of outputs, `pays` are (satoshi, script)."""

    raw: bytes
    id: str
    spends: tuple[tuple[str, int], ...]
    pays: tuple[tuple[int, bytes], ...]

    @classmethod
    def decode(cls, raw: bytes) -> "Transaction":
        """As in BIP 144. The id leaves the signatures of witnesses out."""
        has_witness = raw[4:6] == b"\0\1"
        at = start = 6 if has_witness else 4
        count, at = _varint(raw, at)
        spends = []
        for _ in range(count):
            spends.append((raw[at : at + 32][::-1].hex(), int.from_bytes(raw[at + 32 : at + 36], "little")))
            length, at = _varint(raw, at + 36)
            at += length + 4
        count, at = _varint(raw, at)
        pays = []
        for _ in range(count):
            value = int.from_bytes(raw[at : at + 8], "little")
            length, at = _varint(raw, at + 8)
            pays.append((value, raw[at : at + length]))
            at += length
        bare = raw[:4] + raw[start:at] + raw[-4:]
        return cls(raw, double_sha256(bare)[::-1].hex(), tuple(spends), tuple(pays))

    @classmethod
    def out_of_nothing(cls, satoshi: int, address: str) -> "Transaction":
        """A payment whose origin nobody here can look up."""
        script = script_of(address)
        origin = b"\1" * 32 + bytes(4) + b"\0" + b"\xff" * 4
        payment = satoshi.to_bytes(8, "little") + bytes([len(script)]) + script
        return cls.decode(b"\2\0\0\0\1" + origin + b"\1" + payment + bytes(4))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of Bitcoin's wire format, and where it ends."""
    length = {0xFD: 2, 0xFE: 4, 0xFF: 8}.get(data[at], 0)
    if not length:
        return data[at], at + 1
    return int.from_bytes(data[at + 1 : at + 1 + length], "little"), at + 1 + length


@dataclass
class ElectrumServer:
    """The chain and the wallets that listen to it. `requests` counts what was asked for, by method."""

    headers: list[bytes] = field(default_factory=lambda: [_GENESIS])
    transactions: dict[str, tuple[Transaction, int]] = field(default_factory=dict)
    broadcast: list[Transaction] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=dict)
    _writers: dict[asyncio.StreamWriter, set[str]] = field(default_factory=dict)

    @property
    def connected(self) -> list[asyncio.StreamWriter]:
        """One for each wallet that is here now."""
        return list(self._writers)

    def mine(self, transaction: Transaction) -> None:
        """A block with this, of which everybody who listens is told."""
        id_bytes = bytes.fromhex(transaction.id)[::-1]
        when = int(time.time()).to_bytes(4, "little")
        self.transactions[transaction.id] = transaction, len(self.headers)
        self.headers.append(b"\0\0\0\x20" + double_sha256(self.headers[-1]) + id_bytes + when + _BITS + bytes(4))
        for writer, scripts in self._writers.items():
            _send(writer, {"method": "blockchain.headers.subscribe", "params": [self._tip()]})
            for script in scripts:
                _send(writer, {"method": "blockchain.scripthash.subscribe", "params": [script, self._status(script)]})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One wallet, until it goes."""
        self._writers[writer] = set()
        try:
            async for line in reader:
                request = json.loads(line)
                self.requests[request["method"]] = self.requests.get(request["method"], 0) + 1
                answer = self._answer(writer, request["method"], request.get("params", []))
                _send(writer, {"id": request["id"], **answer})
        except OSError:
            pass  # it broke the connection off
        finally:
            del self._writers[writer]
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _answer(self, writer: asyncio.StreamWriter, method: str, params: list[Json]) -> dict[str, Json]:
        answers: dict[str, Callable[..., Json]] = {
            "server.version": lambda *_: ["tests", "1.4"],
            "server.banner": lambda: "",
            "server.donation_address": lambda: "",
            "server.peers.subscribe": list,
            "server.ping": lambda: None,
            "mempool.get_fee_histogram": list,
            "blockchain.relayfee": lambda: 0.00001,
            "blockchain.estimatefee": lambda _: 0.0001,
            "blockchain.headers.subscribe": self._tip,
            "blockchain.block.header": lambda height, *_: self.headers[height].hex(),
            "blockchain.block.headers": self._chunk,
            "blockchain.scripthash.subscribe": lambda script: self._subscribe(writer, script),
            "blockchain.scripthash.get_history": self._history,
            "blockchain.transaction.get": lambda wanted, *_: self.transactions[wanted][0].raw.hex(),
            "blockchain.transaction.get_merkle": lambda wanted, _: {
                "block_height": self.transactions[wanted][1],
                "merkle": [],
                "pos": 0,
            },
            "blockchain.transaction.broadcast": self._take,
        }
        if method not in answers:
            return {"error": {"code": _METHOD_NOT_FOUND, "message": method}}
        return {"result": answers[method](*params)}

    def _tip(self) -> Json:
        return {"height": len(self.headers) - 1, "hex": self.headers[-1].hex()}

    def _chunk(self, start: int, count: int, *_: int) -> Json:
        headers = self.headers[start : start + count]
        return {"count": len(headers), "hex": b"".join(headers).hex(), "max": 2016}

    def _subscribe(self, writer: asyncio.StreamWriter, script: str) -> str | None:
        self._writers[writer].add(script)
        return self._status(script)

    def _history(self, script: str) -> list[Json]:
        """Transactions that pay to a script or spend what was paid to it; the script is given by its hash."""
        found = []
        for transaction, height in self.transactions.values():
            scripts = [paid for _, paid in transaction.pays]
            scripts += [self.transactions[at][0].pays[n][1] for at, n in transaction.spends if at in self.transactions]
            if script in (hashlib.sha256(paid).digest()[::-1].hex() for paid in scripts):
                found.append({"tx_hash": transaction.id, "height": height})
        return found

    def _status(self, script: str) -> str | None:
        text = "".join(f"{item['tx_hash']}:{item['height']}:" for item in self._history(script))
        return hashlib.sha256(text.encode()).hexdigest() if text else None

    def _take(self, raw: str) -> str:
        transaction = Transaction.decode(bytes.fromhex(raw))
        self.broadcast.append(transaction)
        return transaction.id


def _send(writer: asyncio.StreamWriter, message: dict[str, Json]) -> None:
    writer.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


@contextlib.asynccontextmanager
async def electrum_server(listening: socket.socket, tls: ssl.SSLContext | None) -> AsyncIterator[ElectrumServer]:
    """Serves on a socket that listens; what goes wrong with a wallet is raised at the end."""
    served, wallets = ElectrumServer(), set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wallets.add(asyncio.ensure_future(served.serve(reader, writer)))

    async with await asyncio.start_server(accept, sock=listening, ssl=tls, limit=1024 * 1024):
        yield served
        for writer in served.connected:
            writer.transport.abort()
        await asyncio.gather(*wallets)
