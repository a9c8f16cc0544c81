"""The panel of a desktop, which may have a tray or not."""

from nymconnect_gui.app import Program


def put_tray(program: Program, present: bool = True) -> None:
    """A panel appears, or goes."""
    program.host._qt_uses_bus = True
    program.host._on_bus = present
    program.host.look()
