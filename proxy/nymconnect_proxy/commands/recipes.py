"""``nymconnect recipes``: how to set programs up for the proxy, all of them or one in full."""

import argparse
from collections.abc import Iterator

from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect.storage import Directories
from nymconnect_proxy.commands.output import Output
from nymconnect_proxy.settings.config import Settings, read_settings
from nymconnect_proxy.settings.recipes import NameHandling, Recipe, find, load_recipes, rendered

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
NAMES = {
    NameHandling.PROXY: "names go to the proxy",
    NameHandling.PARTLY: "some names may go around the proxy",
    NameHandling.ADDRESSES: "asks for addresses, not for names",
    NameHandling.NONE: "does not use the proxy",
}


async def run(flags: argparse.Namespace) -> int:
    """Print the list, or with a NAME its recipe; UserError if there is none."""
    recipes = load_recipes(flags.language)
    output = Output(flags.json)
    if flags.name is None:
        for recipe in recipes:
            output.event("recipe", _row(recipe), _line(recipe))
        return 0
    proxy = _proxy(flags)
    recipe = rendered(find(recipes, flags.name), proxy.host, proxy.port)
    output.event("recipe", _row(recipe) | _details(recipe), "\n".join(_page(recipe)))
    return 0


def _proxy(flags: argparse.Namespace) -> Endpoint:
    """What the flags say, else the settings file."""
    if flags.host is not None and flags.port is not None:
        return Endpoint(flags.host, flags.port)
    settings = _settings().socks
    host = flags.host or ANY_ADDRESS.get(settings.host, settings.host)
    port = settings.port if flags.port is None else flags.port
    if port == 0:
        raise UserError("the settings let the system choose the port: give the one that `connect` printed with --port")
    return Endpoint(host, port)


def _settings() -> Settings:
    path = Directories.of_user().settings
    return read_settings(path) if path.exists() else Settings()


def _row(recipe: Recipe) -> dict[str, object]:
    return {
        "key": recipe.key,
        "name": recipe.name,
        "kind": recipe.kind.value,
        "protocol": recipe.protocol,
        "names": recipe.names.value,
        "supported": recipe.supported,
        "tested": recipe.tested,
    }


def _details(recipe: Recipe) -> dict[str, object]:
    return {
        "summary": recipe.summary,
        "steps": [{"text": step.text, "value": step.value} for step in recipe.steps],
        "limits": list(recipe.limits),
    }


def _line(recipe: Recipe) -> str:
    how = f"{recipe.protocol}, {NAMES[recipe.names]}" if recipe.supported else "cannot use the proxy"
    return f"{recipe.key:<13} {recipe.name}: {recipe.kind.value}, {how}"


def _page(recipe: Recipe) -> Iterator[str]:
    yield f"{recipe.name} ({recipe.kind.value})"
    yield recipe.summary
    for number, step in enumerate(recipe.steps, 1):
        yield ""
        yield f"{number}. {step.text}"
        if step.value is not None:
            yield from (f"       {line}" for line in step.value.splitlines())
    if recipe.limits:
        yield ""
        yield from (f"- {limit}" for limit in recipe.limits)
    if recipe.supported:
        tested = f"version {recipe.tested} runs in this program's tests" if recipe.tested else "not run in its tests"
        yield ""
        yield f"{recipe.protocol}; {NAMES[recipe.names]}; {tested}."
