"""Settings: where they come from, and what is said of those that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.config import load_settings, project_root, resolve_path
from ml_core.errors import ConfigurationError
from ml_core.settings import Settings

SECRET = "s3cret-and-never-shown"
WriteYaml = Callable[[str], Mapping[str, str]]


@pytest.fixture
def yaml_file(tmp_path: Path) -> WriteYaml:
    """Write a settings file; return the environment that names it."""

    def write(content: str) -> Mapping[str, str]:
        path = tmp_path / "settings.yaml"
        path.write_text(content, encoding="utf-8")
        return {"ML_CONFIG": str(path)}

    return write


def refusal(environ: Mapping[str, str]) -> str:
    """Return what is said when these settings are refused."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    return caught.value.message


def secrets(values: tuple[object, ...]) -> list[str]:
    return [value.get_secret_value() for value in values]  # type: ignore[attr-defined]


# Where a value comes from


def test_without_anything_set_the_defaults_are_in_force() -> None:
    assert load_settings({}) == Settings()
    assert load_settings({}).models.port == 5002


def test_the_file_goes_before_the_defaults_and_the_environment_before_the_file(yaml_file: WriteYaml) -> None:
    environ = yaml_file("log_level: ERROR\nmonitor: {port: 6001, workers: 2}\n")
    settings = load_settings({**environ, "ML_MONITOR__PORT": "7001"})
    assert (settings.log_level, settings.monitor.port, settings.monitor.workers) == ("ERROR", 7001, 2)
    assert settings.monitor.threads == Settings().monitor.threads


def test_the_environment_of_the_process_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_MODELS__THREADS", "9")
    assert load_settings().models.threads == 9


def test_variables_of_others_are_left_alone() -> None:
    assert load_settings({"MLX_PORT": "1", "PATH": "/bin", "HTML_THEME": "dark"}) == Settings()


@pytest.mark.parametrize("content", ["", "# nothing but a comment\n", "monitor:\n  # port: 6001\n", "{}"])
def test_a_file_or_section_in_which_nothing_is_set_changes_nothing(yaml_file: WriteYaml, content: str) -> None:
    assert load_settings(yaml_file(content)) == Settings()


def test_the_environment_may_set_a_key_of_a_section_that_is_empty_in_the_file(yaml_file: WriteYaml) -> None:
    assert load_settings({**yaml_file("monitor:\n"), "ML_MONITOR__PORT": "7001"}).monitor.port == 7001


def test_the_clock_offset_is_an_iso_8601_duration() -> None:
    assert load_settings({"ML_CLOCK_OFFSET": "-P1DT30M"}).clock_offset == -timedelta(days=1, minutes=30)


# Lists


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one", ["one"]),
        ("one,two", ["one", "two"]),
        (" one , two ,", ["one", "two"]),
        ('["one", "t,w,o"]', ["one", "t,w,o"]),
        (" []", []),
        ("", []),
        (",", []),
    ],
)
def test_a_list_is_json_or_separated_by_commas(text: str, expected: list[str]) -> None:
    assert secrets(load_settings({"ML_AUTH__READ_TOKENS": text}).auth.read_tokens) == expected


def test_a_list_of_the_file_is_replaced_by_that_of_the_environment(yaml_file: WriteYaml) -> None:
    environ = yaml_file("auth: {read_tokens: [a, b], write_tokens: [c]}")
    settings = load_settings({**environ, "ML_AUTH__READ_TOKENS": "d"})
    assert secrets(settings.auth.read_tokens) == ["d"]
    assert secrets(settings.auth.write_tokens) == ["c"]


def test_a_list_that_is_broken_json_is_refused_without_showing_it() -> None:
    message = refusal({"ML_AUTH__READ_TOKENS": f'["{SECRET}"'})
    assert message == "ML_AUTH__READ_TOKENS: expected a JSON list or values separated by commas"


# Secrets in files


def test_a_variable_that_ends_in_file_names_a_file_with_the_value(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"mysql+pymysql://suite:{SECRET}@db/ml\n")
    (tmp_path / "tokens").write_text("one, two\n")
    settings = load_settings(
        {"ML_STORE_URL_FILE": str(tmp_path / "url"), "ML_AUTH__WRITE_TOKENS_FILE": str(tmp_path / "tokens")}
    )
    assert settings.store_url.get_secret_value() == f"mysql+pymysql://suite:{SECRET}@db/ml"
    assert secrets(settings.auth.write_tokens) == ["one", "two"]


def test_the_file_of_a_secret_may_be_named_from_the_projects_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("not this one")
    settings = load_settings({"ML_STORE_URL_FILE": "pyproject.toml"})
    assert "ml-monitoring-suite" in settings.store_url.get_secret_value()


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "not text"])
def test_a_file_of_a_secret_that_cannot_be_read_is_refused_by_the_variables_name(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "url").write_bytes(content)
    message = refusal({"ML_STORE_URL_FILE": str(tmp_path / "url")})
    assert message == "ML_STORE_URL_FILE: cannot read the file that it names"


def test_a_file_of_a_key_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    (tmp_path / "value").write_text(SECRET)
    message = refusal({"ML_STORE_URI_FILE": str(tmp_path / "value")})
    assert message == "ML_STORE_URI_FILE: there is no setting store_uri"


# Keys that do not exist


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("ML_STORE_URI", "store_uri"),
        ("ML_MONITOR__PROT", "monitor.prot"),
        ("ML_MONITER__PORT", "moniter"),
        ("ML_AUTH__READ_TOKENS__FIRST", "auth.read_tokens"),
        ("ML_STORE_URL__X", "store_url"),
        ("ML_", ""),
        ("ML___", ""),
    ],
)
def test_an_unknown_variable_stops_the_start_with_its_name(variable: str, key: str) -> None:
    message = refusal({variable: SECRET})
    assert message.startswith(f"{variable}: ")
    assert key in message
    assert SECRET not in message


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("store_uri: x", "store_uri"),
        ("monitor: {prot: 1}", "monitor.prot"),
        ("moniter:\n  port: 1", "moniter"),
        ("moniter:\n", "moniter"),
        ("1: x", "1"),
        ("monitor: {2: x}", "monitor.2"),
        ("yes: x", "True"),
    ],
)
def test_an_unknown_key_of_the_file_stops_the_start_with_both_names(
    yaml_file: WriteYaml, content: str, key: str
) -> None:
    environ = yaml_file(content)
    assert refusal(environ) == f"{environ['ML_CONFIG']}: {key}: there is no setting {key}"


def test_all_wrong_settings_are_named_at_once(yaml_file: WriteYaml) -> None:
    environ = yaml_file("monitor: {prot: 1}\nlog_level: LOUD")
    message = refusal({**environ, "ML_MODELS__PORT": "0"})
    assert [part.split(":")[-2].strip() for part in message.split("; ")] == [
        "log_level",
        "monitor.prot",
        "ML_MODELS__PORT",
    ]


# Values that are wrong


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ML_MODELS__PORT", "0", "greater than or equal to 1"),
        ("ML_MODELS__PORT", "65536", "less than or equal to 65535"),
        ("ML_MODELS__PORT", "http", "integer"),
        ("ML_MODELS__WORKERS", "1.5", "integer"),
        ("ML_LOG_LEVEL", "loud", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("ML_WORKER__TIMEOUT_SECONDS", "0", "greater than 0"),
        ("ML_LIMITS__BODY_BYTES", "12", "greater than or equal to 1024"),
        ("ML_CLOCK_OFFSET", "soon", "expected an ISO 8601 duration, such as -P2D"),
        ("ML_MONITOR", "5001", "expected an object of names and values"),
        ("ML_AUTH__READ_TOKENS", "[1]", "expected a text"),
    ],
)
def test_a_wrong_value_is_refused_with_its_variable_and_what_was_expected(
    variable: str, value: str, expected: str
) -> None:
    message = refusal({variable: value})
    assert message.startswith(f"{variable}: ")
    assert expected in message


def test_a_section_that_is_set_as_one_value_cannot_hold_another() -> None:
    message = refusal({"ML_MONITOR": "5001", "ML_MONITOR__PORT": "5001"})
    assert message == "ML_MONITOR__PORT: monitor has a value of its own, so it holds no port"


def test_a_wrong_value_of_the_file_is_refused_with_the_files_name(yaml_file: WriteYaml) -> None:
    environ = yaml_file("monitor: {port: high}")
    assert refusal(environ).startswith(f"{environ['ML_CONFIG']}: monitor.port: ")


@pytest.mark.parametrize(
    "environ",
    [
        {"ML_MODELS__PORT": SECRET},
        {"ML_LOG_LEVEL": SECRET},
        {"ML_CLOCK_OFFSET": SECRET},
        {"ML_AUTH": SECRET},
        {"ML_AUTH__TOKENS": SECRET},
        {"ML_AUTH__READ_TOKENS": f'[{{"{SECRET}": 1}}]'},
        {"ML_STORE_URL": SECRET, "ML_STORE_URL__PASSWORD": SECRET},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_no_message_repeats_a_value_of_the_environment(environ: Mapping[str, str]) -> None:
    assert SECRET not in refusal(environ)


@pytest.mark.parametrize(
    "content",
    [
        f"auth: {{read_tokens: {SECRET}}}",
        f"auth: {{read_tokens: [[{SECRET}]]}}",
        f"store_url: {{password: {SECRET}}}",
        f"store_url: '{SECRET}",
        f"auth: [read_tokens: {SECRET}",
        f"- {SECRET}",
        SECRET,
    ],
)
def test_no_message_repeats_a_value_of_the_file(yaml_file: WriteYaml, content: str) -> None:
    assert SECRET not in refusal(yaml_file(content))


def test_settings_in_force_never_show_their_secrets() -> None:
    settings = load_settings({"ML_STORE_URL": f"mysql+pymysql://suite:{SECRET}@db/ml", "ML_AUTH__READ_TOKENS": SECRET})
    assert secrets(settings.auth.read_tokens) == [SECRET]
    for shown in (repr(settings), str(settings), settings.model_dump_json(), f"{settings.auth}"):
        assert SECRET not in shown


# Files that are no settings at all


@pytest.mark.parametrize("content", ["- a\n- b\n", "just text", "42"])
def test_a_file_without_keys_at_its_top_is_refused(yaml_file: WriteYaml, content: str) -> None:
    environ = yaml_file(content)
    assert refusal(environ) == f"ML_CONFIG: {environ['ML_CONFIG']} must hold keys and values at its top"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("monitor: {port: 1\n", ", line 2"),
        ("monitor:\n\tport: 1\n", ", line 2"),
        ("a: &x *y", ", line 1"),
        ("log_level: !!python/object/apply:os.getcwd []", ", line 1"),
        ("clock_offset: 2026-13-45", ""),
    ],
)
def test_a_broken_file_is_refused_with_the_line(yaml_file: WriteYaml, content: str, where: str) -> None:
    environ = yaml_file(content)
    assert refusal(environ) == f"ML_CONFIG: {environ['ML_CONFIG']} is not YAML{where}"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_bytes(b"\xff\x00")
    assert "is not YAML" in refusal({"ML_CONFIG": str(tmp_path / "settings.yaml")})


def test_a_file_that_is_not_there_is_refused_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    assert refusal({"ML_CONFIG": str(path)}) == f"ML_CONFIG: cannot read {path}: No such file or directory"
    assert "Is a directory" in refusal({"ML_CONFIG": str(tmp_path)})


# Paths


def test_relative_paths_start_at_the_projects_root_wherever_the_process_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_path("var/store") == project_root() / "var" / "store"
    assert (project_root() / "ml_core" / "config.py").is_file()


def test_absolute_paths_stay_what_they_are(tmp_path: Path) -> None:
    assert resolve_path(str(tmp_path)) == tmp_path


def test_the_settings_file_may_be_named_from_the_projects_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none.yaml").write_text("log_level: DEBUG")
    assert str(project_root() / "none.yaml") in refusal({"ML_CONFIG": "none.yaml"})
