"""Recipes: every file that is delivered, what is done with a broken one, and the command that prints them."""

import json
from pathlib import Path

import pytest

from nymconnect.errors import UserError
from nymconnect.storage import Directories
from nymconnect_proxy import cli
from nymconnect_proxy.settings.recipes import (
    NameHandling,
    ProgramKind,
    Recipe,
    Step,
    find,
    load_recipes,
    read_recipe,
    rendered,
)
from nymconnect_resources import names_in, read_text

FILES = names_in("recipes")
EXPECTED = {
    *("electrum", "sparrow", "monero-cli", "monero-gui", "bitcoin-core", "wasabi", "green"),
    *("telegram", "keybase", "element", "thunderbird", "firefox", "chromium", "curl", "git", "ssh", "wget", "weechat"),
}
GOOD = """
name = "Program"
kind = "tool"
protocol = "SOCKS5"
names = "proxy"
summary = "For {host}."
limits = ["not {port}"]
[[steps]]
text = "Write:"
value = "--proxy {proxy} %h"
[[steps]]
text = "Restart."
[de]
summary = "Für {host}."
steps = ["Schreiben:", "Neu starten."]
limits = ["nicht {port}"]
"""


def recipe(key: str, language: str = "en") -> Recipe:
    return find(load_recipes(language), key)


def test_there_is_a_recipe_for_each_program_and_nothing_else_in_the_folder() -> None:
    assert {name.removesuffix(".toml") for name in FILES} >= EXPECTED
    assert all(name.endswith(".toml") for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_recipe_is_whole_and_german_throughout(name: str) -> None:
    text = read_text(f"recipes/{name}")
    english, german = (read_recipe(name.removesuffix(".toml"), text, language) for language in ("en", "de"))
    assert [step.value for step in german.steps] == [step.value for step in english.steps]
    pairs = [(english.summary, german.summary), *zip(english.limits, german.limits, strict=True)]
    pairs += [(ours.text, theirs.text) for ours, theirs in zip(english.steps, german.steps, strict=True)]
    same = [ours for ours, theirs in pairs if ours == theirs]
    assert same in ([], ["Port:"], ["Proxy port:"])  # labels of windows that exist in English only


@pytest.mark.parametrize("name", FILES)
def test_a_recipe_for_a_program_that_can_use_the_proxy_says_where_it_is(name: str) -> None:
    read = read_recipe(name, read_text(f"recipes/{name}"))
    shown = rendered(read, "192.0.2.1", 4321)
    everything = "\n".join([shown.summary, *shown.limits, *(f"{step.text} {step.value}" for step in shown.steps)])
    assert ("192.0.2.1" in everything and "4321" in everything) is read.supported
    assert (read.names is not NameHandling.NONE) is read.supported


def test_curl_recipes_hand_over_names() -> None:
    values = [step.value for step in recipe("curl").steps]
    assert all(value is not None and "socks5h://" in value for value in values)


def test_a_file_reads_as_written() -> None:
    assert read_recipe("program", GOOD) == Recipe(
        key="program",
        name="Program",
        kind=ProgramKind.TOOL,
        protocol="SOCKS5",
        names=NameHandling.PROXY,
        summary="For {host}.",
        steps=(Step("Write:", "--proxy {proxy} %h"), Step("Restart.")),
        limits=("not {port}",),
    )


@pytest.mark.parametrize(("host", "proxy"), [("127.0.0.1", "127.0.0.1:1080"), ("::1", "[::1]:1080")])
def test_placeholders_are_filled_in_everywhere(host: str, proxy: str) -> None:
    shown = rendered(read_recipe("program", GOOD, "de"), host, 1080)
    assert shown.summary == f"Für {host}."
    assert shown.steps == (Step("Schreiben:", f"--proxy {proxy} %h"), Step("Neu starten."))
    assert shown.limits == ("nicht 1080",)


@pytest.mark.parametrize("language", ["de", "de_AT", "de-CH", "de_DE.UTF-8", "DE"])
def test_a_locale_chooses_its_language(language: str) -> None:
    assert read_recipe("curl", read_text("recipes/curl.toml"), "de") == recipe("curl", language)


@pytest.mark.parametrize("language", ["en", "fr", "C", ""])
def test_other_languages_are_english(language: str) -> None:
    assert recipe("curl", language) == recipe("curl")


def test_a_name_that_is_more_than_the_programs_own_is_translated() -> None:
    names = {recipe.key: recipe.name for recipe in load_recipes("de")}
    assert names["proxychains"] == "Jedes andere Programm (ProxyChains)"
    assert names["curl"] == "curl"


@pytest.mark.parametrize("wanted", ["monero-cli", "Monero CLI", "MONERO-CLI"])
def test_a_recipe_is_found_by_key_or_name(wanted: str) -> None:
    assert recipe(wanted).key == "monero-cli"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "Program"\n', "", "program.toml: Object missing required field `name`"),
        ('name = "Program"', "name = 3", "program.toml: Expected `str`, got `int` - at `$.name`"),
        ('kind = "tool"', 'kind = "toaster"', "program.toml: Invalid enum value 'toaster' - at `$.kind`"),
        ("protocol", "protocoll", "program.toml: Object contains unknown field `protocoll`"),
        ('name = "Program"', "name = Program", "program.toml is not TOML"),
        ('text = "Restart."', "", "`text` - at `$.steps[1]`"),
        ('text = "Restart."', 'text = " "', "program.toml: steps[1].text must have"),
        ("{proxy}", "{adress}", "program.toml: steps[0].value has an unknown placeholder {adress}"),
        ("not {port}", "not {}", "program.toml: limits[0] has an unknown placeholder {}"),
        ("nicht {port}", "nicht {tor}", "program.toml: de.limits[0] has an unknown placeholder {tor}"),
        (', "Neu starten."', "", "program.toml: de: steps must be 2"),
        ('limits = ["nicht {port}"]', "", "program.toml: de: limits must be 1"),
        ('"Für {host}."', '""', "program.toml: de.summary must have"),
        ('name = "Program"', f'name = "{"x" * 2000}"', "program.toml: name must have"),
    ],
)
def test_a_broken_file_is_refused_by_name_and_field(old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    with pytest.raises(UserError) as error:
        read_recipe("program", GOOD.replace(old, new, 1))
    assert complaint in str(error.value)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of a user without settings."""
    for variable in ("HOME", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path))
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["recipes", *words]) == 0
    output, complaints = capsys.readouterr()
    assert complaints == ""
    return output


@pytest.mark.usefixtures("home")
def test_the_command_lists_all_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    keys = [recipe.key for recipe in load_recipes()]
    assert [line.split()[0] for line in printed(capsys).splitlines()] == keys
    rows = [json.loads(line) for line in printed(capsys, "--json").splitlines()]
    assert [row["key"] for row in rows] == keys
    assert {row["event"] for row in rows} == {"recipe"}


@pytest.mark.usefixtures("home")
def test_the_command_prints_one_recipe_in_either_language(capsys: pytest.CaptureFixture[str]) -> None:
    assert "curl --proxy socks5h://127.0.0.1:1080 https" in printed(capsys, "curl")
    german = printed(capsys, "curl", "--language", "de", "--host", "::1", "--port", "99")
    assert "curl --proxy socks5h://[::1]:99 https" in german
    assert "Befehl" in german
    row = json.loads(printed(capsys, "ssh", "--port", "99", "--json"))
    assert "127.0.0.1:99" in row["steps"][0]["value"]


@pytest.mark.usefixtures("home")
def test_the_command_knows_the_port_of_the_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    directories = Directories.under(tmp_path / "user")
    monkeypatch.setattr(Directories, "of_user", lambda: directories)
    directories.create()
    directories.settings.write_text('[proxy]\nsocks = "0.0.0.0:9050"\n')
    assert "socks5h://127.0.0.1:9050 " in printed(capsys, "curl")
    directories.settings.write_text('[proxy]\nsocks = "127.0.0.1:0"\n')
    assert cli.main(["recipes", "curl"]) == 1
    assert "--port" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_the_command_says_which_recipes_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["recipes", "toaster"]) == 1
    assert "electrum" in capsys.readouterr().err
