"""The pages of the window, one module each. `window.PAGES` lists them; `docs/desktop.md` says how one is added."""
