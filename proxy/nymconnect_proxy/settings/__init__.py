"""What there is to set, and the ways to set it.

`options` is one option: its kind, its text, its bounds. `settings` is the table of all of them, from which flags, the
settings file (`config`, changed in place by `settings_document`) and the `manual` are made. `address_book` names
requesters; `recipes` tell how other programs are told to use the proxy.
"""
