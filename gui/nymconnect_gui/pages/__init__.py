"""The pages of the window, one module each.

`window.PAGES` lists them; `docs/desktop-development.md` says how one is added.
"""
