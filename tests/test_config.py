"""Settings: where they come from, what is refused, and that the documentation knows each of them."""

import ipaddress
from decimal import Decimal
from pathlib import Path

import pytest

from paymux.config import Settings, describe, load, markdown
from paymux.errors import SettingsError

KEY = {"PAYMUX_SECRET_KEY": "0123456789abcdef0123456789abcdef"}


def faults(environ: dict[str, str], config_path: Path | None = None, **overrides: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load(environ, config_path, **overrides)  # type: ignore[arg-type]
    return str(caught.value)


def test_without_anything_but_a_key_every_setting_has_its_default() -> None:
    settings = load(KEY)
    assert (settings.mode, settings.host, settings.port, settings.base_url) == ("sandbox", "127.0.0.1", 8080, None)
    assert (settings.webhook_retry_scale, settings.platform_fee_percent) == (Decimal(1), Decimal(0))
    assert (settings.rate_limits, settings.allow_private_urls, settings.smart_routing, settings.metrics) == (True, False, True, True)
    assert settings.fx_rates["EUR"] > settings.fx_rates["USD"] == 1
    assert len(settings.fx_rates) >= 25


def test_the_line_goes_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "paymux.toml"
    file.write_text('host = "10.0.0.1"\nport = 1\nmode = "live"\nwebhook_retry_scale = 0.001\nmetrics = false\n[fx_rates]\nEUR = "2.5"\n')
    settings = load({**KEY, "PAYMUX_CONFIG": str(file), "PAYMUX_PORT": "2", "PAYMUX_MODE": "live"}, None, mode="sandbox", host=None)
    assert (settings.host, settings.port, settings.mode) == ("10.0.0.1", 2, "sandbox")
    assert (settings.webhook_retry_scale, settings.metrics) == (Decimal("0.001"), False)
    assert (settings.fx_rates["EUR"], settings.fx_rates["USD"]) == (Decimal("2.5"), Decimal(1))
    assert load(KEY, file).port == 1


def test_a_missing_secret_key_is_told_with_the_way_to_make_one() -> None:
    assert "PAYMUX_SECRET_KEY is not set; make one with: python3 -c" in faults({})
    assert "make one with" in faults({"PAYMUX_SECRET_KEY": "short"})
    assert load({}, secret_key_required=False).secret_key == ""
    assert load({}, secret_key="k" * 32).secret_key == "k" * 32


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("PAYMUX_PROT", "PAYMUX_PORT"),
        ("PAYMUX_BASEURL", "PAYMUX_BASE_URL"),
        ("PAYMUX_ALLOW_PRIVATE_URL", "PAYMUX_ALLOW_PRIVATE_URLS"),
        ("PAYMUX_port", "PAYMUX_PORT"),
    ],
)
def test_an_unknown_variable_names_the_closest_setting(variable: str, hint: str) -> None:
    assert faults({**KEY, variable: "1"}) == f"{variable} is no setting; did you mean {hint}?"


def test_an_unknown_key_of_the_file_names_the_closest_setting(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text("databse = 'x'\nqqqqqq = 1\n")
    assert faults(KEY, file).splitlines() == [f"{file}: databse is no setting; did you mean database?", f"{file}: qqqqqq is no setting"]


def test_variables_of_tests_and_of_others_are_left_alone() -> None:
    load({**KEY, "PAYMUX_TEST_DATABASE_URL": "x", "PAYMUXX": "1", "PATH": "/bin", "PAYMUX_HOST": ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("mode", "test"), ("port", "-1"), ("port", "65536"), ("port", "8o80"), ("port", "1.0"), ("port", "१"), ("workers", "0")),
        *(("database", "mysql://x/y"), ("database", "sqlite:/x.db"), ("database", "file.db"), ("base_url", "example.com")),
        *(("base_url", "ftp://example.com"), ("base_url", "https://u:p@example.com"), ("base_url", "https://example.com/?a=1")),
        *(("base_url", "https://"), ("base_url", "https://example.com:x"), ("base_url", "https://a b.example")),
        ("base_url", "https://pay.example.com/gate"),
        *(("allow_private_urls", "maybe"), ("webhook_retry_scale", "0"), ("webhook_retry_scale", "1001"), ("webhook_retry_scale", "nan")),
        *(("webhook_retry_scale", "1e3"), ("platform_fee_percent", "-1"), ("platform_fee_percent", "100.1"), ("postgres_lanes", "5")),
        *(
            ("trusted_proxies", "10.0.0.0/33"),
            ("trusted_proxies", "proxy.example"),
            ("email_deny_domains", "a.example,@"),
            ("log_level", "loud"),
        ),
        *(("fx_rates", "EUR"), ("fx_rates", "EUR=0"), ("fx_rates", "EUR=x"), ("fx_rates", "ABC=1"), ("secret_keys_old", "short")),
        *(("secret_keys_old", '["unfinished'), ("host", " ")),
    ],
)
def test_a_bad_value_is_refused_with_what_is_expected_and_without_the_value(name: str, value: str) -> None:
    if not value.strip():
        text = faults(KEY, None, **{name: value})
    else:
        text = faults({**KEY, f"PAYMUX_{name.upper()}": value})
        assert text.startswith(f"PAYMUX_{name.upper()}: expected ")
    assert len(value) < 4 or value not in text


def test_all_errors_are_told_at_once_and_no_secret_among_them(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text("port = 'x'\n")
    text = faults({"PAYMUX_SECRET_KEY": "too-short-s3cret", "PAYMUX_DATABASE": "mysql://u:s3cret@h/x", "PAYMUX_MOED": "live"}, file)
    assert len(text.splitlines()) == 4
    assert "s3cret" not in text


@pytest.mark.parametrize("content", [None, b"port = \n", b"\xff", b"port = 1\nport = 2\n"])
def test_a_file_that_cannot_be_read_is_a_settings_error(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "p.toml"
    if content is not None:
        file.write_bytes(content)
    assert str(file) in faults(KEY, file)


@pytest.mark.parametrize("word", ["1", "true", "on", "YES", "0", "False", "off", "no"])
def test_switches_take_the_usual_words(word: str) -> None:
    assert load({**KEY, "PAYMUX_RATE_LIMITS": word}).rate_limits is (word in {"1", "true", "on", "YES"})


def test_lists_and_urls_are_normalised() -> None:
    settings = load(
        {
            **KEY,
            "PAYMUX_SECRET_KEYS_OLD": f"{'a' * 32}, {'b' * 40}",
            "PAYMUX_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8,::1",
            "PAYMUX_EMAIL_DENY_DOMAINS": "Trash.example, @mail.example",
            "PAYMUX_BASE_URL": "https://pay.example.com:8443/",
            "PAYMUX_FX_RATES": "EUR=1.5, GBP=2",
        }
    )
    assert settings.secret_keys_old == ("a" * 32, "b" * 40)
    assert ipaddress.ip_address("10.1.2.3") in settings.trusted_proxies[1]
    assert settings.email_deny_domains == ("trash.example", "mail.example")
    assert settings.base_url == "https://pay.example.com:8443"
    assert (settings.fx_rates["EUR"], settings.fx_rates["GBP"]) == (Decimal("1.5"), Decimal(2))
    with_comma = "a,b" * 20
    assert load({**KEY, "PAYMUX_SECRET_KEYS_OLD": f'["{with_comma}"]'}).secret_keys_old == (with_comma,)


def test_settings_that_contradict_each_other_are_refused() -> None:
    assert "webhook_lease_s must be longer" in faults({**KEY, "PAYMUX_WEBHOOK_TIMEOUT_S": "20"})
    assert "poll_max_s" in faults({**KEY, "PAYMUX_POLL_FIRST_S": "301"})
    assert "secret_keys_old" in faults({**KEY, "PAYMUX_SECRET_KEYS_OLD": KEY["PAYMUX_SECRET_KEY"]})


def test_settings_never_show_a_secret_and_never_change() -> None:
    settings = load({**KEY, "PAYMUX_DATABASE": "postgresql://u:s3cret@h/x", "PAYMUX_SECRET_KEYS_OLD": "o" * 32})
    assert KEY["PAYMUX_SECRET_KEY"] not in repr(settings)
    assert "s3cret" not in repr(settings)
    assert "ooo" not in repr(settings)
    with pytest.raises(AttributeError):
        settings.port = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.fx_rates["EUR"] = Decimal(1)  # type: ignore[index]


def test_every_setting_is_described_and_its_default_is_one_it_takes() -> None:
    docs = describe()
    assert [doc.name for doc in docs] == list(Settings.__dataclass_fields__)
    table = markdown()
    for doc in docs:
        assert doc.sentence.endswith(".")
        assert doc.type
        assert f"`{doc.env}`" in table
        assert table.count(f"`{doc.env}`") == 1
        if doc.default and doc.name != "fx_rates":
            assert getattr(load({**KEY, doc.env: doc.default}), doc.name) == getattr(load(KEY), doc.name)
