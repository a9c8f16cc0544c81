"""Git over HTTP, both ways that git knows: plain files, and `git http-backend` as its manual sets it up."""

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from aiohttp import web

from tests.helpers.targets import served

_LIMIT = 64 * 1024 * 1024


def git(*arguments: str, at: Path) -> str:
    """Run git in a folder, without anybody's settings."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_NAME": "somebody", f"GIT_{who}_EMAIL": "somebody@example.org"}
    ended = subprocess.run(
        ["git", *arguments], cwd=at, env=environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def make_repository(at: Path, files: Mapping[str, bytes]) -> Path:
    """A bare repository with one commit of these files, ready for both kinds of clone."""
    work, bare = at / "work", at / "project.git"
    work.mkdir()
    git("init", "--quiet", "--initial-branch=main", at=work)
    for name, content in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(content)
    git("add", ".", at=work)
    git("commit", "--quiet", "--message=everything", at=work)
    git("clone", "--quiet", "--bare", str(work), str(bare), at=at)
    git("update-server-info", at=bare)
    return bare


@contextlib.asynccontextmanager
async def git_server(
    root: Path, listening: socket.socket | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serves the repositories below `root` at ``/dumb/…`` and ``/smart/…``; yields the port."""
    application = web.Application(client_max_size=_LIMIT)
    application.router.add_static("/dumb", root)

    async def smart(request: web.Request) -> web.Response:
        return await _http_backend(request, root)

    application.router.add_route("*", "/smart/{path:.*}", smart)
    async with served(application, listening, tls) as port:
        yield port


async def _http_backend(request: web.Request, root: Path) -> web.Response:
    """One request through the CGI program (git-http-backend(1), RFC 3875)."""
    body = await request.read()
    environment = {
        **os.environ,
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": "/" + request.match_info["path"],
        "QUERY_STRING": request.query_string,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
    }
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(body)
    head, _, content = output.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(headers.pop("Status", "200").split()[0])
    return web.Response(status=status, headers=headers, body=content)
