"""What there is to set, and the ways to set it.

`options` is one option: its kind, its text, its bounds; `pasted` reads addresses and keys that a person pastes,
`networks` says which mixnet.
`settings` is the table of all options, from which flags, the settings file (`config`, changed in place by
`settings_document`) and the `manual` are made. `address_book` names requesters; `recipes` say how to set other
programs up for the proxy. `reasons` say what is wrong with a setting.
"""
