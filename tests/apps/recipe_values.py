"""What a recipe says to copy, with the proxy and the target of the tests in it: so the tests run the recipes."""

from nymconnect_proxy.settings.recipes import find, load_recipes, rendered
from tests.apps.proxy import Proxy

EXAMPLE = "example.org"


def recipe_value(proxy: Proxy, key: str, step: int, **replacements: str) -> str:
    """The value of one step (from 0). What is to be replaced in it has to be there."""
    recipe = rendered(find(load_recipes(), key), proxy.host, proxy.endpoint.port)
    value = recipe.steps[step].value
    assert value is not None, f"step {step} of {key} has nothing to copy"
    for old, new in replacements.items():
        old = EXAMPLE if old == "host" else old
        assert old in value, value
        value = value.replace(old, new)
    return value
