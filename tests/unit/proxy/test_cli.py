"""The flags of the command line: each by its whole name, and a mistake told in one line."""

import pytest

from nymconnect_proxy.cli import build_parser, main

SHORTENED = [
    ("--vers",),
    ("connect", "--sock", "127.0.0.1:0"),
    ("gui", "--min"),
    ("control", "--js"),
    ("network", "--mix", "2"),
    ("requester", "query", "--net", "mainnet"),
    ("recipes", "--lang", "de"),
]


@pytest.mark.parametrize("arguments", SHORTENED)
def test_no_flag_is_taken_for_another_one_that_begins_like_it(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(arguments)
    assert ended.value.code == 2
    assert f"there is no flag {arguments[-2] if len(arguments) > 2 else arguments[-1]}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--foo", "connect"), "nymconnect: there is no flag --foo; see nymconnect --help"),
        (("connect", "extra"), "nymconnect connect: 'extra' is a word too many; see nymconnect connect --help"),
        (
            ("connect", "--password=hunter2"),
            "nymconnect connect: there is no flag --password; see",
        ),
        (("connect", "--socks", "1080"), "nymconnect connect: --socks: '1080' is not of the form HOST:PORT, such as"),
        (("requester", "add", "home"), "nymconnect requester add: the following arguments are required: ADDRESS; see"),
        (("bench", "--repeats", "0"), "nymconnect bench: --repeats: a number from 1 to 20 is needed, not '0'; see"),
        (("control", "stop"), "nymconnect control: order: invalid choice: 'stop'"),
    ],
)
def test_wrong_usage_is_one_line_that_says_where_to_read_on(
    arguments: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert told.startswith(line)
    assert told.endswith(" --help\n")
    assert told.count("\n") == 1
