"""What is shipped for operators fits what the program does: settings, metrics, alerts, commands, the unit file."""

import asyncio
import configparser
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from paymux import config
from paymux.app.core import Core
from paymux.app.node import Node
from paymux.cli import COMMANDS, SINGLE
from paymux.dialects.echelon import notices as echelon
from paymux.dialects.ecomtrade24 import notices as ecomtrade24
from paymux.dialects.etpay import notices as etpay
from paymux.ops.checks_merchants import TRIED
from paymux.payments.lifecycle import AttemptState, State
from paymux.payments.model import Attention
from paymux.payments.noted import AttemptMoved, Reached, WasOpened
from tests.server import SECRET_KEY

ROOT = Path(__file__).parent.parent.parent
OPERATING = (ROOT / "docs/operating.md").read_text("utf-8")
DEPLOY = ROOT / "deploy"
RULES: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
FOREIGN = {"process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total", "up"}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every sample's name that a node can tell."""

    async def work() -> set[str]:
        url = f"sqlite:///{tmp_path_factory.mktemp('ops')}/paymux.db"
        core = await Core.open(config.load({}, secret_key=SECRET_KEY, database=url))
        try:
            node = Node(core)
            assert node.scrape is not None
            metrics = node.scrape.metrics
            metrics.requested("own", "GET /healthz", 200, 0.001)
            metrics.heard(
                [
                    WasOpened("ecomtrade24", False),
                    Reached("ecomtrade24", State.PAID, 1),
                    AttemptMoved("alder", "sandbox-alder", AttemptState.PAID),
                ]
            )
            metrics.started("sandbox-alder", "Started", 0.1)
            await node.scrape._gauges.refresh()
            text = metrics.exposition().decode()
            await node.stop()
        finally:
            await core.close()
        typed = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
        return {f"{name}{end}" for name, kind in typed for end in (("_bucket", "_sum", "_count", "") if kind == "histogram" else ("",))}

    return asyncio.run(work())


def named_in(expression: str) -> set[str]:
    """The metrics of an expression."""
    return set(re.findall(r"\b(?:paymux|process)_[a-z_]+\b", re.sub(r'"[^"]*"', "", expression))) - {"process_"}


def test_how_long_notices_are_tried_is_told_as_it_is() -> None:
    hours = {name: round(sum(form.delays_s) / 3600, 1) for name, form in (("etpay", etpay.FORM), ("ecomtrade24", ecomtrade24.FORM))}
    assert hours == {"etpay": 12, "ecomtrade24": 72}
    assert sum(echelon.FORM.delays_s) == 8 * 60
    assert "Echelon's for 8 minutes, ETpay's for 12 hours, the others' for 72 at most" in TRIED


def test_the_table_of_settings_is_current() -> None:
    shown = OPERATING.partition("<!-- settings -->\n")[2].partition("<!-- /settings -->")[0]
    assert shown == config.markdown(), "paste the output of: paymux settings --markdown"


def test_every_alert_asks_for_what_is_told(names: set[str]) -> None:
    for rule in RULES:
        assert named_in(rule["expr"]) - FOREIGN <= names, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]


def test_every_panel_asks_for_what_is_told(names: set[str]) -> None:
    panels = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
    asked: set[str] = set()
    for panel in panels:
        assert panel["description"], panel["title"]
        for target in panel["targets"]:
            assert named_in(target["expr"]) - FOREIGN <= names, panel["title"]
            asked |= named_in(target["expr"])
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names if name.startswith("paymux_")}
    assert families <= {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}, "a metric that nobody sees"


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_every_alert_is_explained_and_nothing_else() -> None:
    section = OPERATING.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### (\S+)$", section, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_every_metric_is_named_in_the_document(names: set[str]) -> None:
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names if name.startswith("paymux_")}
    assert families <= named_in(OPERATING)


def test_every_reason_to_look_is_explained() -> None:
    for reason in Attention:
        assert f"| `{reason.name.lower()}` |" in OPERATING


def test_every_command_that_is_named_exists() -> None:
    texts = [OPERATING, *(path.read_text("utf-8") for path in (ROOT / "paymux/ops").glob("*.py"))]
    said = {tuple(found) for text in texts for found in re.findall(r"\bpaymux ([a-z]+)(?: ([a-z-]+))?", text)}
    known = {*SINGLE, *COMMANDS}
    for group, command in said:
        if group in COMMANDS:
            assert command in COMMANDS[group][1] or not command, f"paymux {group} {command}"
    assert {"doctor", "backup", "serve", "work", "migrate"} <= {group for group, _ in said} & known


def test_the_unit_file_waits_long_enough_and_writes_nowhere_else() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "paymux.service")
    service = unit["Service"]
    assert int(service["TimeoutStopSec"]) > 10
    assert service["RestartPreventExitStatus"] == "2"
    assert (service["ProtectSystem"], service["NoNewPrivileges"], service["StateDirectory"]) == ("strict", "yes", "paymux")
    assert "SECRET" not in (DEPLOY / "paymux.service").read_text()
