"""The scripts in `packaging/`, which are no package, as modules."""

from importlib import util
from pathlib import Path
from types import ModuleType

PACKAGING = Path(__file__).parents[2] / "packaging"


def packaging_script(name: str) -> ModuleType:
    """The module of `packaging/<name>.py`, made anew."""
    spec = util.spec_from_file_location(name, PACKAGING / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
