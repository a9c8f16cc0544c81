"""The flags of the command line: each by its whole name."""

import pytest

from nymconnect_proxy.cli import build_parser

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
    assert "unrecognized arguments: --" in capsys.readouterr().err
