"""Asking a directory: the client's and the node's side of nym-api.

Mirrors nym-validator-client 1.21 (`nym_api/mod.rs`) and nym-http-api-client 1.21: several base URLs that stand in for
each other, three tries, 30 seconds, an empty body is an error. A refresh is asked of one base as a whole and dropped as
a whole if its lists disagree, so a topology never mixes two states of the network. What is asked does not depend on
what the client is about to do: always all nodes, never one.

A URL may end in `#` and the SHA-256 of the server's certificate. Then this very certificate counts, and no authority:
for a directory of one's own, and against an authority that vouches for somebody else.
"""

import asyncio
import errno
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp

from nymconnect.directory.assembly import build_node_topology, build_topology
from nymconnect.directory.locations import requesters_of
from nymconnect.directory.models import (
    MAX_DOCUMENT_LENGTH,
    MAX_NODES,
    DescribedNode,
    KeyRotationInfo,
    Metadata,
    NodeList,
    NodeRow,
    RewardedSet,
    SemiSkimmedList,
    SemiSkimmedRow,
    decode_described_list,
    decode_key_rotation_info,
    decode_node_list,
    decode_rewarded_set,
    decode_semi_skimmed_list,
)
from nymconnect.directory.topology import Topology
from nymconnect.endpoints import parse_fingerprint
from nymconnect.errors import UserError, WireError
from nymconnect.packet.addressing import Recipient
from nymconnect.reasons import DirectoryUnreachable, DirectoryUnusable, NoDirectoryUrl, Reason, Unreachable, all_of
from nymconnect.runtime.outbound import UpstreamError

log = logging.getLogger(__name__)

TIMEOUT = 30.0
TRIES = 3
MAX_URLS = 16
MAX_PAGES = 64
READ_CHUNK = 64 * 1024
JSON_TYPE = "application/json"

_T = TypeVar("_T")
_List = TypeVar("_List", NodeList, SemiSkimmedList)

KEY_ROTATION_INFO = "v1/epoch/key-rotation-info"
REWARDED_SET = "v1/nym-nodes/rewarded-set"
ACTIVE_MIXNODES = "v2/unstable/nym-nodes/skimmed/mixnodes/active"
ENTRY_GATEWAYS = "v2/unstable/nym-nodes/skimmed/entry-gateways"
SEMI_SKIMMED = "v2/unstable/nym-nodes/semi-skimmed"
DESCRIBED = "v1/nym-nodes/described"


class DirectoryClient:
    """Asks one network's directory at any of its base URLs. UserError, one line, if none gives a usable answer."""

    def __init__(self, urls: Sequence[str], http: aiohttp.ClientSession, timeout: float = TIMEOUT) -> None:
        if not 1 <= len(urls) <= MAX_URLS:
            raise UserError(f"give 1 to {MAX_URLS} directory URLs")
        self._trust = dict(_base_and_trust(url) for url in urls)
        self._bases = tuple(self._trust)
        self._http = http
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._next = 0  # the base that answered last is asked first

    async def key_rotation_info(self) -> KeyRotationInfo:
        """Where the network stands in its epochs."""
        return await self._ask(lambda base: self._get(base, KEY_ROTATION_INFO, decode_key_rotation_info))

    async def topology(self) -> Topology:
        """Active mix nodes and entry gateways: what a client routes by."""
        return await self._ask(self._client_topology)

    async def semi_skimmed(self) -> Topology:
        """All nodes, with Noise keys: what a node forwards by."""
        return await self._ask(self._node_topology)

    async def requesters(self) -> list[Recipient]:
        """Network requesters that nodes run, as they say themselves; what is no address is left out."""
        return requesters_of(await self.described())

    async def described(self) -> list[DescribedNode]:
        """All nodes as they describe themselves."""
        return await self._ask(self._described_nodes)

    # --- one refresh, from one base ---------------------------------------------------------------------------

    async def _client_topology(self, base: str) -> Topology:
        rewarded = await self._get(base, REWARDED_SET, decode_rewarded_set)
        metadata, mixes = await self._pages(base, ACTIVE_MIXNODES, decode_node_list, _skimmed)
        other, gateways = await self._pages(base, ENTRY_GATEWAYS, decode_node_list, _skimmed)
        if not metadata.agrees_with(other):
            raise WireError("its node lists belong to different epochs")
        # Thousands of keys take a while to check; senders in this process must not wait for it.
        topology = await asyncio.to_thread(build_topology, metadata, rewarded, mixes, gateways)
        if topology.left_out:
            log.info("the directory lists %d nodes that cannot be used; they are left out", topology.left_out)
        return topology

    async def _node_topology(self, base: str) -> Topology:
        rewarded: RewardedSet = await self._get(base, REWARDED_SET, decode_rewarded_set)
        metadata, rows = await self._pages(base, SEMI_SKIMMED, decode_semi_skimmed_list, _semi_skimmed)
        return await asyncio.to_thread(build_node_topology, metadata, rewarded, rows)

    async def _described_nodes(self, base: str) -> list[DescribedNode]:
        nodes: list[DescribedNode] = []
        for page in range(MAX_PAGES):
            answer = await self._get(base, f"{DESCRIBED}?page={page}&output=json", decode_described_list)
            nodes += answer.data
            if len(nodes) >= answer.pagination.total:
                return nodes
            if not answer.data or len(nodes) > MAX_NODES:
                break
        raise WireError("its node list does not end")

    async def _pages(
        self,
        base: str,
        path: str,
        decode: Callable[[bytes], _List],
        rows_of: Callable[[_List], list[_T]],
    ) -> tuple[Metadata, list[_T]]:
        """All rows of a list, page by page until `pagination.total` of them are here."""
        rows: list[_T] = []
        metadata: Metadata | None = None
        for page in range(MAX_PAGES):
            answer = await self._get(base, f"{path}?page={page}&output=json", decode)
            if metadata is not None and not metadata.agrees_with(answer.metadata):
                raise WireError("its pages belong to different epochs")
            metadata = answer.metadata
            rows += rows_of(answer)
            if len(rows) >= answer.nodes.pagination.total:
                return metadata, rows
            if not rows_of(answer) or len(rows) > MAX_NODES:
                break
        raise WireError("its node list does not end")

    # --- one request ------------------------------------------------------------------------------------------

    async def _get(self, base: str, path: str, decode: Callable[[bytes], _T]) -> _T:
        headers = {"Accept": JSON_TYPE}
        async with self._http.get(
            base + path, headers=headers, timeout=self._timeout, allow_redirects=False, ssl=self._trust[base]
        ) as response:
            return decode(await _body(response))

    async def _ask(self, request: Callable[[str], Awaitable[_T]]) -> _T:
        """`request` at one base after the other, at least three times in all."""
        faults: dict[str, Reason] = {}
        for _ in range(max(TRIES, len(self._bases))):
            base = self._bases[self._next]
            try:
                return await request(base)
            except WireError as error:
                faults[base] = DirectoryUnusable(base, str(error))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                faults[base] = DirectoryUnreachable(base, *self._reason(error))
            except Exception as error:  # what an answer makes happen here is a fault of the answer
                log.error("directory %s made us fail: %s: %s", base, type(error).__name__, error)
                faults[base] = DirectoryUnusable(base, type(error).__name__)
            self._next = (self._next + 1) % len(self._bases)
        raise UserError(all_of(list(faults.values())))

    def _reason(self, error: Exception) -> tuple[Unreachable, str]:
        """And a few words for a person; the libraries' own texts run over several lines or say nothing."""
        if isinstance(error, TimeoutError):
            return Unreachable.NO_ANSWER, f"no answer within {self._timeout.total:g} s"
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return Unreachable.NO_NAME, "its name does not resolve"
        if isinstance(error, aiohttp.ServerFingerprintMismatch):
            return Unreachable.OTHER_CERTIFICATE, "it shows another certificate"
        # Through an upstream proxy aiohttp does not tell TLS from the rest.
        if isinstance(error, aiohttp.ClientSSLError) or isinstance(error.__cause__, ssl.SSLError):
            return Unreachable.NO_TLS, "no trusted TLS connection"
        if isinstance(error, UpstreamError) or isinstance(error.__cause__, UpstreamError):  # aiohttp wraps it
            return Unreachable.NO_UPSTREAM, str(error)
        if isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
            return Unreachable.OTHER, "connection refused"
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return Unreachable.OTHER, "it closed the connection"
        if not isinstance(error, OSError):
            return Unreachable.OTHER, type(error).__name__
        is_cut_off = error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH)
        return Unreachable.NO_NETWORK if is_cut_off else Unreachable.OTHER, error.strerror or type(error).__name__


def _base_and_trust(url: str) -> tuple[str, aiohttp.Fingerprint | bool]:
    """A base URL, and the certificate that it must show, or True for any that the system trusts; else UserError."""
    bare, hash_sign, certificate = url.partition("#")
    if not hash_sign:
        return _base(bare), True
    if not bare.startswith("https://"):
        raise UserError(NoDirectoryUrl(url, has_no_certificate=True))
    return _base(bare), aiohttp.Fingerprint(parse_fingerprint(certificate))


def _base(url: str) -> str:
    """A base URL with a closing slash; UserError if it is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    # A password in the URL would stand in every message about it.
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise UserError(NoDirectoryUrl(url))
    return url.rstrip("/") + "/"


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Body of a JSON answer, read no further than the cap; WireError if the answer is not one."""
    if response.status != 200:
        raise WireError(f"HTTP status {response.status}")
    if response.content_type != JSON_TYPE:
        raise WireError(f"not JSON but {response.content_type[:64]!r}")
    body = bytearray()
    async for chunk in response.content.iter_chunked(READ_CHUNK):
        body += chunk
        if len(body) > MAX_DOCUMENT_LENGTH:
            raise WireError("the answer is too long")
    if not body:
        raise WireError("the answer is empty")
    return bytes(body)


def _skimmed(answer: NodeList) -> list[NodeRow]:
    return answer.nodes.data


def _semi_skimmed(answer: SemiSkimmedList) -> list[SemiSkimmedRow]:
    return answer.nodes.data
