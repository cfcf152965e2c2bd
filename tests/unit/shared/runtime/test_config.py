"""Defaults, then config.yaml, then the environment; whatever is wrong stops the start by name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cqar_resolver.config import ResolverConfig
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.runtime.config import is_loopback, load, require_private, shown
from cqar_writer.config import WriterConfig

ROOT = Path(__file__).resolve().parents[4]
URLS = {
    "CQAR_WRITER_DATABASE_URL": "postgresql://cqar:secret@db/cqar",
    "CQAR_WRITER_NATS_URL": "nats://nats:4222",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.yaml"


def written(file: Path, text: str, **environ: str) -> WriterConfig:
    file.write_text(text)
    return load(WriterConfig, "writer", {**URLS, "CQAR_CONFIG": str(file), **environ})


def test_the_environment_wins_over_the_section_that_wins_over_common_that_wins_over_defaults(
    file: Path,
) -> None:
    text = "common: {drain_s: 1, log_level: DEBUG, reflection: yes}\nwriter: {drain_s: 2}\n"
    found = written(file, text)
    assert (found.drain_s, found.log_level, found.reflection) == (2, "DEBUG", True)
    assert found.relay_poll_s == WriterConfig(database_url="", nats_url="").relay_poll_s
    assert written(file, text, CQAR_WRITER_DRAIN_S="3").drain_s == 3
    assert written(file, "").drain_s == 30
    assert written(file, "resolver: {probe_every_s: 9}\n").drain_s == 30


@pytest.mark.parametrize(
    ("text", "environ", "said"),
    [
        ("writer: {drain: 2}", {}, r"unknown setting .*some\.yaml: writer\.drain"),
        ("common: {socket: x}", {}, r"unknown setting .*some\.yaml: common\.socket"),
        ("", {"CQAR_WRITER_DRAIN": "2"}, "unknown setting CQAR_WRITER_DRAIN"),
        ("writer: {drain_s: soon}", {}, "drain_s"),
        # A file says its types: "2" is a text.
        ('writer: {drain_s: "2"}', {}, "drain_s"),
        ("", {"CQAR_WRITER_DRAIN_S": "soon"}, "CQAR_WRITER_DRAIN_S"),
        ("writer: {drain_s: 301}", {}, "<= 300.*drain_s"),
        ("", {"CQAR_WRITER_LOG_LEVEL": "LOUD"}, "CQAR_WRITER_LOG_LEVEL"),
        ("", {"CQAR_WRITER_TRACES_SAMPLED": "1.5"}, "CQAR_WRITER_TRACES_SAMPLED.*<= 1"),
        ("wirter: {drain_s: 2}", {}, "unknown section wirter"),
        ("writer: [drain_s]", {}, "names and their values"),
        ("- writer", {}, "unknown section"),
        ("writer: {", {}, r"some\.yaml is no YAML"),
        ("a: [1\nb: 2", {}, r"some\.yaml is no YAML"),
        ("", {"CQAR_WRITER_DATABASE_URL": "garbage"}, "DATABASE_URL must be .* postgresql://"),
        ("", {"CQAR_WRITER_DATABASE_URL": "postgresql://u:p@h:port/db"}, "DATABASE_URL must be"),
        ("", {"CQAR_WRITER_NATS_URL": "http://x:1"}, "NATS_URL must be a URL of nats://"),
        ("", {"CQAR_WRITER_NATS_URL": ""}, "NATS_URL must be"),
        ("writer: {redis_url: localhost}", {}, "REDIS_URL must be .* redis://"),
        ("", {"CQAR_WRITER_TRACES_URL": "http://"}, "TRACES_URL must be"),
        ("", {"CQAR_WRITER_HTTP_LISTEN": "here"}, "HOST:PORT .*HTTP_LISTEN"),
        ("", {"CQAR_CONFIG": "/nowhere/at.yaml"}, "No such file"),
    ],
)
def test_what_is_wrong_is_named(file: Path, text: str, environ: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidConfiguration, match=said):
        written(file, text, **environ)


def test_a_setting_that_is_missing_is_named_and_a_password_never() -> None:
    with pytest.raises(InvalidConfiguration, match="nats_url"):
        load(WriterConfig, "writer", {"CQAR_WRITER_DATABASE_URL": "x", "CQAR_CONFIG": ""})
    found = load(WriterConfig, "writer", {**URLS, "CQAR_CONFIG": ""})
    text = shown(found, "writer")
    assert "secret" not in text
    assert msgspec.yaml.decode(text)["writer"]["database_url"] == "postgresql://cqar:…@db/cqar"
    assert msgspec.yaml.decode(text)["writer"]["drain_s"] == 30
    for url in ("nats://hunter2@h:4222", "nats://h:4222?token=hunter2"):
        hidden = {**URLS, "CQAR_WRITER_NATS_URL": url, "CQAR_CONFIG": ""}
        shown_text = shown(load(WriterConfig, "writer", hidden), "writer")
        assert "hunter2" not in shown_text
        assert "@h:4222" in shown_text or "//h:4222" in shown_text


def test_no_file_is_read_where_none_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("writer: {drain_s: 7}")
    assert load(WriterConfig, "writer", URLS).drain_s == 7
    assert load(WriterConfig, "writer", {**URLS, "CQAR_CONFIG": ""}).drain_s == 30


def test_what_may_hold_a_password_may_stand_in_a_file_that_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "database_url"
    path.write_text("postgresql://cqar:hunter2@db/cqar\n")
    by_file = {"CQAR_WRITER_DATABASE_URL_FILE": str(path), "CQAR_CONFIG": ""}
    environ = {"CQAR_WRITER_NATS_URL": "nats://nats:4222", **by_file}
    assert load(WriterConfig, "writer", environ).database_url == "postgresql://cqar:hunter2@db/cqar"
    with pytest.raises(InvalidConfiguration, match="DATABASE_URL and .*_FILE are both set"):
        load(WriterConfig, "writer", {**URLS, **by_file})
    path.write_text("hunter2")
    with pytest.raises(InvalidConfiguration, match="DATABASE_URL must be a URL") as refused:
        load(WriterConfig, "writer", environ)
    assert "hunter2" not in str(refused.value)
    path.unlink()
    with pytest.raises(InvalidConfiguration, match="DATABASE_URL_FILE: .*No such file"):
        load(WriterConfig, "writer", environ)
    with pytest.raises(InvalidConfiguration, match="unknown setting CQAR_WRITER_LOG_LEVEL_FILE"):
        load(WriterConfig, "writer", {**URLS, "CQAR_WRITER_LOG_LEVEL_FILE": str(path)})


@pytest.mark.parametrize("name", ["config.yaml", "config.dev.yaml", "config.prod.yaml"])
def test_the_files_that_ship_are_whole(name: str) -> None:
    environ = {**URLS, "CQAR_CONFIG": str(ROOT / name)}
    environ |= {key.replace("WRITER", "RESOLVER"): value for key, value in URLS.items()}
    writer = load(WriterConfig, "writer", environ)
    resolver = load(ResolverConfig, "resolver", environ)
    require_private(writer, writer.grpc_listen, "CQAR_WRITER_")
    require_private(resolver, resolver.grpc_listen, "CQAR_RESOLVER_")


def test_keys_do_not_travel_in_plaintext_unless_that_is_said() -> None:
    def require(listen: str, **settings: str | bool) -> None:
        made = msgspec.convert({"database_url": "", "nats_url": "", **settings}, WriterConfig)
        require_private(made, listen, "CQAR_WRITER_")

    require("127.0.0.1:1")
    require("0.0.0.0:1", plaintext_anywhere=True)
    require("0.0.0.0:1", tls_certificate="a", tls_key="b")
    with pytest.raises(InvalidConfiguration, match="in plaintext"):
        require("0.0.0.0:1")
    with pytest.raises(InvalidConfiguration, match="go together"):
        require("127.0.0.1:1", tls_certificate="a")
    with pytest.raises(InvalidConfiguration, match="needs CQAR_WRITER_TLS_CERTIFICATE"):
        require("127.0.0.1:1", tls_client_ca="a")


def test_a_resolver_that_would_be_stale_between_two_probes_does_not_start(file: Path) -> None:
    file.write_text("resolver: {probe_every_s: 5, stale_after_s: 5}\n")
    environ = {name.replace("WRITER", "RESOLVER"): url for name, url in URLS.items()}
    with pytest.raises(InvalidConfiguration, match="probe_every_s 5 is not below stale_after_s 5"):
        load(ResolverConfig, "resolver", {**environ, "CQAR_CONFIG": str(file)})


@pytest.mark.parametrize(
    ("listen", "is_here"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("127.evil.example:1", False),
        ("10.0.0.1:1", False),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
    ],
)
def test_only_addresses_of_this_machine_need_no_key(listen: str, *, is_here: bool) -> None:
    assert is_loopback(listen) is is_here
