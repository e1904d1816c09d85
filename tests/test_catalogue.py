"""README, prefect.yaml, .env.example, the catalogue and the code name the same things."""

import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prefect import Flow
from prefect.settings import Settings as PrefectSettings
from pydantic_settings import BaseSettings

from connectors import csv_supplier, supplier
from connectors.settings import VARIABLES
from flows.catalogue import FLOWS, checked, load, settings_of
from flows.cli import COMMANDS
from tasks import mapping_rows

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]

PLACES = {
    "README.md": README,
    ".env.example": EXAMPLE,
    "prefect.yaml": (ROOT / "prefect.yaml").read_text("utf-8"),
} | {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for layer in ("flows", "tasks", "connectors")
    for path in sorted((ROOT / layer).rglob("*.py"))
}
"""Every text that tells people what to type or to set."""


def flow_of(entrypoint: str) -> "Flow[..., object]":
    module, _, function = entrypoint.partition(":")
    found = getattr(import_module(module), function)
    assert isinstance(found, Flow)
    return found


def given(parameters: Mapping[str, object]) -> dict[str, tuple[object, str]]:
    return {name: (value, str(value)) for name, value in parameters.items()}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: each["name"])
class TestDeployments:
    def test_start_a_flow_that_is_there(self, deployment: dict[str, Any]) -> None:
        flow = flow_of(deployment["entrypoint"])
        assert deployment["name"].startswith(flow.name)

    def test_give_parameters_that_the_flow_takes(self, deployment: dict[str, Any]) -> None:
        flow = flow_of(deployment["entrypoint"])
        known = inspect.signature(flow.fn).parameters
        for source in (deployment, *deployment.get("triggers", ()), *deployment.get("schedules", ())):
            assert source.get("parameters", {}).keys() <= known.keys()
        parameters = deployment.get("parameters", {})
        needed = {name for name, each in known.items() if each.default is each.empty}
        if needed <= parameters.keys():
            checked(flow, given(parameters))  # type: ignore[arg-type]

    def test_that_start_by_themselves_need_no_parameter(self, deployment: dict[str, Any]) -> None:
        known = inspect.signature(flow_of(deployment["entrypoint"]).fn).parameters
        needed = {name for name, each in known.items() if each.default is each.empty}
        for starter in (*deployment.get("triggers", ()), *deployment.get("schedules", ())):
            assert needed <= deployment.get("parameters", {}).keys() | starter.get("parameters", {}).keys()

    def test_are_in_the_readmes_table(self, deployment: dict[str, Any]) -> None:
        assert f"\n| `{deployment['name']}` |" in README


@pytest.mark.parametrize("name", FLOWS)
class TestFlows:
    def test_are_deployed_under_their_name(self, name: str) -> None:
        assert [each["entrypoint"] for each in DEPLOYMENTS if each["name"] == name] == [
            FLOWS[name].entrypoint
        ]

    def test_are_called_alike_everywhere(self, name: str) -> None:
        assert load(name).name == name

    def test_take_a_dry_run_and_describe_every_parameter(self, name: str) -> None:
        flow = load(name)
        parameters = inspect.signature(flow.fn).parameters
        assert parameters["dry_run"].default is False
        described = set(
            re.findall(r"^\s+(\w+): ", (flow.fn.__doc__ or "").partition("Args:")[2], re.MULTILINE)
        )
        assert described == set(parameters)

    def test_keep_their_result_as_json(self, name: str) -> None:
        flow = load(name)
        assert flow.persist_result
        assert flow.result_serializer == "json"

    def test_need_and_go_by_settings_that_are_there(self, name: str) -> None:
        assert set(FLOWS[name].needs) <= set(settings_of(name)) <= set(VARIABLES)
        assert all(any(each.startswith(start) for each in VARIABLES) for start in FLOWS[name].settings)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("inventory-refresh", "MAX_ZERO_SHARE"),
        ("automated-sync", "MAX_FALL_SHARE"),
        ("automated-sync", "REVERSE_SYNC_MISSING_LEVEL"),
        ("automated-sync", "SHOPIFY_STORE_DOMAIN"),
        ("automated-sync", "PLAN_EXPIRES_HOURS"),
        ("apply-plan", "GONE_AFTER_HOURS"),
        ("partner-sync", "REVERSE_SYNC_TIMEZONE"),
    ],
)
def test_settings_that_a_flow_goes_by_are_shown_with_it(name: str, setting: str) -> None:
    assert setting in settings_of(name)


@pytest.mark.parametrize("name", ["reverse-stock-sync", "partner-sync"])
def test_and_none_of_anothers(name: str) -> None:
    assert "MAX_PRICE_JUMP" not in settings_of(name)


def test_every_flow_of_the_project_is_in_the_catalogue() -> None:
    modules = [
        path.stem
        for path in (ROOT / "flows").glob("*.py")
        if re.search(r"^@(flow|reports)\(", path.read_text("utf-8"), re.MULTILINE)
    ]
    found = {
        f"flows.{module}:{name}"
        for module in modules
        for name, each in vars(import_module(f"flows.{module}")).items()
        if isinstance(each, Flow)
    }
    assert found == {entry.entrypoint for entry in FLOWS.values()}


# ------------------------------------------------------------------ settings


def test_every_setting_is_in_the_example_once() -> None:
    named = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)
    assert sorted(named) == sorted(VARIABLES)


OWN = (
    "SHOPIFY_",
    "RMS_",
    "PARTNER_",
    "EVENSTOCK_",
    "REVERSE_SYNC_",
    "HTTP_",
    "MAX_",
    "MIN_",
    "ENABLE_",
    "SMTP_",
    "ALERT_",
    "WATCH_",
)


def variables_in(text: str) -> Iterator[str]:
    """What is written like a setting; names of constants in code are not in such texts."""
    return (each for each in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text) if each.startswith(OWN))


@pytest.mark.parametrize("place", ["README.md", ".env.example", "prefect.yaml"])
def test_only_settings_that_exist_are_named(place: str) -> None:
    assert set(variables_in(PLACES[place])) - set(VARIABLES) == set()


def prefect_variables(model: type[BaseSettings], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseSettings):
            yield from prefect_variables(kind, f"{prefix}{name}_")
        else:
            yield f"{prefix}{name}".upper()


def test_prefects_settings_that_are_named_exist() -> None:
    known = set(prefect_variables(PrefectSettings, "prefect_"))
    named = {name for text in PLACES.values() for name in re.findall(r"\bPREFECT_[A-Z_]+[A-Z]\b", text)}
    # A logging setting is read from Prefect's logging.yml, key by key.
    assert {name for name in named - known if not name.startswith("PREFECT_LOGGING_HANDLERS_")} == set()


# ------------------------------------------------------------------ commands


def commands_in(text: str) -> Iterator[tuple[str, str]]:
    """`evenstock a b` in backticks, also with choices: a|b."""
    for words in re.findall(r"`evenstock ([^`]+)`", text):
        first, *rest = words.split()
        for command in first.split("|"):
            yield command, rest[0] if rest else ""


def test_only_commands_that_exist_are_named() -> None:
    known = {*COMMANDS, "COMMAND", "--help"}
    strange = [
        (place, command)
        for place, text in PLACES.items()
        for command, _ in commands_in(text)
        if command not in known
    ]
    assert strange == []


def test_only_words_of_a_command_that_exist_are_named() -> None:
    for place, text in PLACES.items():
        for command, word in commands_in(text):
            with_actions = {
                "plans",
                "levels",
                "variants",
                "partners",
                "mappings",
                "alerts",
                "accounts",
                "items",
                "orders",
                "suppliers",
                "jobs",
            }
            if command in with_actions and word.isalpha() and word.islower():
                assert word in COMMANDS[command][1], f"{place}: evenstock {command} {word}"
            if command == "run":
                assert word in {"FLOW", *FLOWS}, f"{place}: evenstock run {word}"


def test_every_command_is_in_the_readme() -> None:
    table = README.partition("\n## Commands\n")[2].partition("\n## ")[0]
    first_cells = " ".join(re.findall(r"^\|([^|]*(?:\\\|[^|]*)*)\|", table, re.MULTILINE))
    assert set(COMMANDS) - set(re.findall(r"[a-z-]+", first_cells)) == set()


def test_parameters_in_the_readmes_commands_exist() -> None:
    for name, words in re.findall(r"`evenstock run ([a-z-]+)([^`]*)`", README):
        known = inspect.signature(load(name).fn).parameters
        assert set(re.findall(r"--([a-z_]+)", words)) <= known.keys()


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for text in PLACES.values() for name in re.findall(r"`(?:\$ )?make ([a-z]+)", text)}
    assert named
    assert named <= targets


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_column_of_a_mappings_file_is_in_the_readme() -> None:
    table = README.partition("\n| column | |\n")[2].partition("\n\n")[0]
    first_cells = " ".join(re.findall(r"^\|([^|]*)\|", table, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", first_cells)) == {*mapping_rows.COLUMNS, *mapping_rows.OPTIONAL}


class TestTheRecipeForSuppliers:
    TEXT = (ROOT / "docs" / "new_supplier.md").read_text("utf-8")

    def test_leads_to_files_and_names_that_are_there(self) -> None:
        rows = re.findall(r"`(\w+)`[^|`\n]*\]\(\.\./([^)#]+)\)|\[[^]]*\]\(\.\./([^)#]+)\)", self.TEXT)
        places = {place or other for _, place, other in rows}
        assert places
        assert [place for place in places if not (ROOT / place).exists()] == []
        for name, place in re.findall(r"`(\w+)` in \[[^]]*\]\(\.\./([^)#]+)\)", self.TEXT):
            assert re.search(rf"\b{name}\b", (ROOT / place).read_text("utf-8")), (name, place)

    def test_names_every_protocol_with_its_method(self) -> None:
        told = re.findall(r"^\| `(\w+)` \| `(\w+)", self.TEXT, re.MULTILINE)
        assert {name for name, _ in told} == {
            name for name, each in vars(supplier).items() if name == "Supplier" or _is_ability(each)
        }
        assert all(hasattr(getattr(supplier, name), method) for name, method in told)

    def test_shows_the_row_as_it_is(self) -> None:
        row = self.TEXT.partition("```python\n")[2].partition("```")[0]
        code = (ROOT / "connectors" / "suppliers.py").read_text("utf-8")
        assert "".join(f"    {line}\n" for line in row.splitlines()) in code

    def test_names_every_column_of_a_csv_list(self) -> None:
        told = self.TEXT.partition("what the list calls our columns:")[2].partition(". Columns")[0]
        assert set(re.findall(r"`(\w+)`", told)) == {csv_supplier.ID, *csv_supplier.OURS}


def _is_ability(value: object) -> bool:
    return getattr(value, "_is_runtime_protocol", False) and value is not supplier.PlansCalls


def test_plans_of_partners_and_suppliers_are_released_without_rms() -> None:
    """Whether a plan needs RMS is known once it is looked at; `tasks.begin` asks for it then."""
    assert set(FLOWS["apply-plan"].needs) == {"SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN"}
