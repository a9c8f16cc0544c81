"""Controls that pages are built of: `controls` and `forms` for all, `power_button`, `graph`, `gateway_list` and
`checkup_card` for one thing each, `flow` to lay them out, `question` to ask.
"""
