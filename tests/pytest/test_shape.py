"""The house rules that no linter knows, over the manifest and the file tree.

Every rule is a function from a manifest, or from a tree, to a list of complaints. Each
test below holds the project to one rule, and shows that the rule can fail.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from dbt.cli.main import dbtRunner

ROOT = Path(__file__).parents[2]
PROJECT = "brickworks"
Manifest = dict


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    profiles = tmp_path_factory.mktemp("profiles")
    target = tmp_path_factory.mktemp("target")
    shutil.copy(ROOT / "profiles.example.yml", profiles / "profiles.yml")
    places = ["--project-dir", ROOT, "--profiles-dir", profiles]
    places += ["--target-path", target, "--log-path", target]
    outcome = dbtRunner().invoke(
        ["--quiet", "--no-partial-parse", "parse", *map(str, places)]
    )
    assert outcome.success, outcome.exception
    return json.loads((target / "manifest.json").read_text())


# What the rules look at


def _nodes(manifest: Manifest, *types: str) -> list[dict]:
    return [
        node
        for node in manifest["nodes"].values()
        if node["package_name"] == PROJECT and node["resource_type"] in types
    ]


def _own_macros(manifest: Manifest) -> list[dict]:
    macros = manifest["macros"].values()
    return [macro for macro in macros if macro["package_name"] == PROJECT]


def _is_python(model: dict) -> bool:
    return model["original_file_path"].endswith(".py")


def _code(node: dict) -> str:
    """The node's SQL without comments and without the texts of string literals."""
    code = node.get("raw_code") or node.get("macro_sql") or ""
    code = re.sub(r"\{#.*?#\}|/\*.*?\*/", " ", code, flags=re.S)
    return re.sub(r"--[^\n]*", " ", code)


def _described_columns(manifest: Manifest) -> list[tuple[str, dict]]:
    return [
        (node["name"], column)
        for node in [*_nodes(manifest, "model", "seed"), *_sources(manifest)]
        for column in node["columns"].values()
    ]


def _sources(manifest: Manifest) -> list[dict]:
    sources = manifest["sources"].values()
    return [source for source in sources if source["package_name"] == PROJECT]


# The rules


def descriptions_begin_with_the_grain(manifest: Manifest) -> list[str]:
    return [
        f"{model['name']}: the description begins {model['description'][:30]!r}"
        for model in _nodes(manifest, "model")
        if not re.match(r"One row per \S+", model["description"])
        or not re.match(r"[^\n]*(\n[^\n]+)*?[.:]", model["description"])
    ]


def the_first_comment_of_a_model_is_its_grain(manifest: Manifest) -> list[str]:
    opening = re.compile(r'\s*(--|#|"""|\{#-?|/\*)\s*One row per ')
    return [
        model["name"]
        for model in _nodes(manifest, "model")
        if not opening.match(model["raw_code"])
    ]


def nothing_is_left_without_a_description(manifest: Manifest) -> list[str]:
    named = _nodes(manifest, "model", "seed", "snapshot") + _sources(manifest)
    empty = [node["name"] for node in named if not node["description"].strip()]
    for macro in _own_macros(manifest):
        if not macro["description"].strip():
            empty.append(f"macro {macro['name']}")
        empty += [
            f"macro {macro['name']}, argument {argument['name']}"
            for argument in macro["arguments"]
            if not (argument.get("description") or "").strip()
        ]
    return empty + [
        f"{name}.{column['name']}"
        for name, column in _described_columns(manifest)
        if not column["description"].strip()
    ]


def staging_models_agree_on_what_may_be_null(manifest: Manifest) -> list[str]:
    """One that is stricter about a shared column fails on a message others reject."""
    demands: dict[str, dict[bool, list[str]]] = {}
    for model in _nodes(manifest, "model"):
        # Those of a domain; what no domain claims is staged by a model without.
        if model["config"].get("meta", {}).get("domain") == model["name"]:
            for name, column in model["columns"].items():
                kinds = [constraint["type"] for constraint in column["constraints"]]
                said = demands.setdefault(name, {})
                said.setdefault("not_null" in kinds, []).append(model["name"])
    return [
        f"{name}: never NULL in {said[True]}, but in {said[False]}"
        for name, said in demands.items()
        if len(said) > 1
    ]


def every_argument_of_a_macro_is_documented(manifest: Manifest) -> list[str]:
    complaints = []
    for macro in _own_macros(manifest):
        head = re.search(r"\{%-?\s*(?:macro|test)\s+\w+\((.*?)\)", macro["macro_sql"])
        names = re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", head[1]) if head else []
        documented = [argument["name"] for argument in macro["arguments"]]
        complaints += [
            f"macro {macro['name']}: {name}" for name in names if name not in documented
        ]
    return complaints


def models_are_at_most_120_lines(manifest: Manifest) -> list[str]:
    models = _nodes(manifest, "model")
    lines = {
        model["name"]: len(model["raw_code"].strip().splitlines()) for model in models
    }
    return [f"{name} has {count} lines" for name, count in lines.items() if count > 120]


def only_the_trunk_reads_sources(manifest: Manifest) -> list[str]:
    return [
        model["name"]
        for model in _nodes(manifest, "model")
        if not model["original_file_path"].startswith("models/measurements/")
        and any(parent.startswith("source.") for parent in model["depends_on"]["nodes"])
    ]


def keys_hold_the_device(manifest: Manifest) -> list[str]:
    complaints = []
    for model in _nodes(manifest, "model"):
        if "device_id" not in model["columns"]:
            continue
        keys = {"unique_key": model["config"].get("unique_key")}
        for index in model["config"].get("indexes") or []:
            if index.get("unique"):
                keys[f"unique index on {index['columns']}"] = index["columns"]
        for constraint in model.get("constraints") or []:
            if constraint["type"] in ("primary_key", "unique"):
                keys[constraint["type"]] = constraint["columns"]
        for column in model["columns"].values():
            for constraint in column.get("constraints") or []:
                if constraint["type"] in ("primary_key", "unique"):
                    keys[f"{constraint['type']} {column['name']}"] = [column["name"]]
        for test in _nodes(manifest, "test"):
            about = test.get("test_metadata") or {}
            if test.get("attached_node") != model["unique_id"]:
                continue
            if about.get("name") == "unique_grain":
                arguments = about["kwargs"]
                keys["unique_grain"] = arguments.get("columns") or arguments.get(
                    "grain"
                )
            if about.get("name") == "unique":
                keys[f"unique {test['column_name']}"] = [test["column_name"]]
        for what, key in keys.items():
            columns = [key] if isinstance(key, str) else key
            if columns is not None and "device_id" not in columns:
                complaints.append(f"{model['name']}: {what} {columns}")
    return complaints


# `something_at::date`, `now()::date`, `cast(read_at as date)`: a day that depends on
# the session's time zone. `x_date::date` and texts are no timestamps.
SESSION_DATE = re.compile(
    r"(?:\w+_at|timestamp|now\(\)|current_timestamp)\)*\s*::\s*date\b"
    r"|cast\(\s*[\w.]*(?:_at|timestamp)\s+as\s+date\s*\)"
    r"|\bdate\(\s*[\w.]*(?:_at|timestamp)\s*\)|\bcurrent_date\b",
    re.I,
)


def only_the_time_macros_turn_an_instant_into_a_date(manifest: Manifest) -> list[str]:
    macros = [
        macro
        for macro in _own_macros(manifest)
        if not macro["original_file_path"].startswith("macros/time/")
    ]
    return [
        f"{node['name']}: {found[0]}"
        for node in [*_nodes(manifest, "model", "test", "analysis"), *macros]
        if (found := SESSION_DATE.search(_code(node)))
    ]


# A comparison with, or a product by, a number that is neither 0 nor 1 nor a unit of
# time or of percent is a threshold or a rate: it belongs into a seed row or a var.
UNITS = {"0", "1", "2", "60", "100", "1000", "3600", "86400", "24", "0.0", "1.0"}
LITERAL = re.compile(
    r"(?:[<>=*/]|\bbetween|\band)\s*(-?\d+(?:\.\d+)?)\b(?![\w:-])", re.I
)


def texts_of_vars_are_quoted_by_the_macro(manifest: Manifest) -> list[str]:
    """An apostrophe in a var would end a literal quoted by hand."""
    quoted = re.compile(r"""'\s*\{\{-?\s*var\(|interval '"\s*~""")
    return [
        node["name"]
        for node in [
            *_nodes(manifest, "model", "test", "analysis"),
            *_own_macros(manifest),
        ]
        if quoted.search(_code(node))
    ]


def models_hold_no_business_number(manifest: Manifest) -> list[str]:
    complaints = []
    for model in _nodes(manifest, "model"):
        if _is_python(model):
            continue
        code = re.sub(r"'[^']*'|\{\{.*?\}\}|\{%.*?%\}", " ", _code(model), flags=re.S)
        numbers = {number for number in LITERAL.findall(code)} - UNITS
        complaints += [f"{model['name']}: {number}" for number in sorted(numbers)]
    return complaints


def public_marts_have_a_contract(manifest: Manifest) -> list[str]:
    return [
        model["name"]
        for model in _nodes(manifest, "model")
        if not model["name"].startswith(("stg_", "int_"))
        and model["config"].get("access", model.get("access")) == "public"
        and not _is_python(model)
        and not model["config"]["contract"]["enforced"]
    ]


def contracts_and_python_models_type_every_column(manifest: Manifest) -> list[str]:
    return [
        f"{model['name']}.{column['name']}"
        for model in _nodes(manifest, "model")
        if _is_python(model) or model["config"]["contract"]["enforced"]
        for column in model["columns"].values()
        if not column.get("data_type")
    ] + [
        f"{model['name']} describes no column"
        for model in _nodes(manifest, "model")
        if not model["columns"]
    ]


ALIASED_REF = re.compile(r"\{\{\s*(?:ref|source)\([^}]*\)\s*\}\}\s+as\b", re.I)


def no_ref_has_an_alias_of_its_own(manifest: Manifest) -> list[str]:
    """`--empty` puts a subquery with an alias in its place."""
    return [
        model["name"]
        for model in _nodes(manifest, "model")
        if not _is_python(model) and ALIASED_REF.search(_code(model))
    ]


SETTINGS = re.compile(
    r"device_days\.(ideal_rate_per_hour|max_rate_per_hour|counter_modulus|brick_type"
    r"|expected_interval_seconds|production_line)"
    r"|ref\('int_production_periods'\)"
)


def device_days_are_read_by_what_hashes_them(manifest: Manifest) -> list[str]:
    """A ref gives rows that are in no fingerprint. Ephemeral models work by row."""
    tables = {
        model["name"]
        for model in _nodes(manifest, "model")
        if model["config"].get("materialized") == "device_day"
    }
    return [
        f"{model['name']} reads {name} with ref, not with reads"
        for model in _nodes(manifest, "model")
        if model["name"] in tables and not _is_python(model)
        for name in re.findall(r"\bref\('(\w+)'\)", model["raw_code"])
        if name in tables
    ]


def seeds_and_models_never_share_a_name(manifest: Manifest) -> list[str]:
    seeds = {seed["name"] for seed in _nodes(manifest, "seed")}
    return sorted(seeds & {model["name"] for model in _nodes(manifest, "model")})


def seeds_describe_exactly_their_columns(
    manifest: Manifest, root: Path = ROOT
) -> list[str]:
    complaints = []
    for seed in _nodes(manifest, "seed"):
        path = root / seed["original_file_path"]
        header = path.read_text().splitlines()[0].replace('"', "").split(",")
        different = set(header) ^ set(seed["columns"])
        complaints += [f"{seed['name']}.{column}" for column in sorted(different)]
    return complaints


def generic_tests_take_their_arguments_under_arguments(root: Path) -> list[str]:
    settings = {
        "arguments",
        "config",
        "name",
        "description",
        "meta",
        "tags",
        "test_name",
    }
    complaints = []

    def walk(part: object, path: Path) -> None:
        if isinstance(part, list):
            for item in part:
                walk(item, path)
        if not isinstance(part, dict):
            return
        for key, value in part.items():
            if key not in ("data_tests", "tests") or not isinstance(value, list):
                walk(value, path)
                continue
            for test in value:
                # One with a name of its own is a singular test, or says `test_name`.
                if isinstance(test, dict) and "name" not in test:
                    ((name, body),) = list(test.items())[:1]
                    loose = set(body or {}) - settings
                    if loose:
                        complaints.append(f"{path.name}: {name} {sorted(loose)}")

    for path in _files(root, "*.yml", "models", "seeds", "snapshots", "tests"):
        walk(yaml.safe_load(path.read_text()), path)
    return complaints


# Three domains: every deployment fact has its line, and a comment that says why.
def the_project_file_has_at_most_80_lines(root: Path) -> list[str]:
    count = len((root / "dbt_project.yml").read_text().splitlines())
    return [f"dbt_project.yml has {count} lines"] if count > 80 else []


MACHINE_PATH = re.compile(
    r"(?<![\w./}:-])/(?:home|Users|root|work|workspace|mnt|opt/build|private)/[\w.-]+"
    r"|\b[A-Z]:\\Users\\"
)


def no_file_names_a_path_of_one_machine(root: Path) -> list[str]:
    complaints = []
    for path in _files(root, "*"):
        if path.suffix in {".png", ".gz", ".lock", ".parquet"}:
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if found := MACHINE_PATH.search(text):
            complaints.append(f"{path.relative_to(root)}: {found[0]}")
    return complaints


def _files(root: Path, pattern: str, *folders: str) -> list[Path]:
    """The files of the tree that git has or would add; all of them outside git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    found = (
        [root / line for line in listed.stdout.splitlines()]
        if listed.returncode == 0
        else list(root.rglob("*"))
    )
    return [
        path
        for path in found
        if path.is_file()
        and path.match(pattern)
        and (not folders or path.relative_to(root).parts[0] in folders)
    ]


# The tests: the project keeps each rule, and each rule can be broken


def _model(name: str = "model", **changes: object) -> dict:
    model = {
        "name": name,
        "unique_id": f"model.{PROJECT}.{name}",
        "resource_type": "model",
        "package_name": PROJECT,
        "original_file_path": f"models/factory/{name}.sql",
        "description": "One row per device.",
        "raw_code": "-- One row per device.\nselect 1 as device_id\n",
        "columns": {"device_id": _column("device_id")},
        "config": {"contract": {"enforced": True}, "access": "public"},
        "constraints": [],
        "depends_on": {"nodes": []},
    }
    return model | changes


def _column(name: str, **changes: object) -> dict:
    column = {"name": name, "description": "A thing.", "data_type": "text"}
    return column | {"constraints": []} | changes


def _macro(**changes: object) -> dict:
    macro = {
        "name": "macro",
        "package_name": PROJECT,
        "original_file_path": "macros/macro.sql",
        "description": "Does something.",
        "arguments": [{"name": "x", "description": "A thing."}],
        "macro_sql": "{% macro macro(x, y=1) %}{{ x }}{% endmacro %}",
    }
    return macro | changes


def _manifest(*nodes: dict, macros: tuple[dict, ...] = ()) -> Manifest:
    return {
        "nodes": {f"{node['resource_type']}.{node['name']}": node for node in nodes},
        "macros": {macro["name"]: macro for macro in macros},
        "sources": {},
    }


def _contract(**config: object) -> dict:
    return {"contract": {"enforced": True}, "access": "public"} | config


def _grain_test(columns: list[str]) -> dict:
    return {
        "name": "grain",
        "resource_type": "test",
        "package_name": PROJECT,
        "attached_node": f"model.{PROJECT}.model",
        "column_name": None,
        "raw_code": "",
        "test_metadata": {"name": "unique_grain", "kwargs": {"columns": columns}},
    }


def _sql(code: str) -> dict:
    return _model(raw_code=f"-- One row per device.\n{code}")


RULES: list[tuple[Callable[[Manifest], list[str]], list[Manifest]]] = [
    (
        descriptions_begin_with_the_grain,
        [
            _manifest(_model(description="Bricks.")),
            _manifest(_model(description="")),
            _manifest(_model(original_file_path="models/x/m.py", description="Odd")),
        ],
    ),
    (
        the_first_comment_of_a_model_is_its_grain,
        [_manifest(_model(raw_code="select 1")), _manifest(_model(raw_code="-- Rows"))],
    ),
    (
        nothing_is_left_without_a_description,
        [
            _manifest(_model(description=" ")),
            _manifest(_model(resource_type="seed", description="")),
            _manifest(_model(columns={"a": _column("a", description="")})),
            _manifest(macros=(_macro(description=""),)),
            _manifest(macros=(_macro(arguments=[{"name": "x", "description": ""}]),)),
        ],
    ),
    (
        staging_models_agree_on_what_may_be_null,
        [
            _manifest(
                _model("stg_a", config=_contract(meta={"domain": "stg_a"})),
                _model(
                    "stg_b",
                    config=_contract(meta={"domain": "stg_b"}),
                    columns={
                        "device_id": _column(
                            "device_id", constraints=[{"type": "not_null"}]
                        )
                    },
                ),
            )
        ],
    ),
    (every_argument_of_a_macro_is_documented, [_manifest(macros=(_macro(),))]),
    (
        models_are_at_most_120_lines,
        [_manifest(_model("a"), _model("b"), _sql("select 1\n" * 121))],
    ),
    (
        only_the_trunk_reads_sources,
        [_manifest(_model(depends_on={"nodes": ["source.brickworks.raw.m"]}))],
    ),
    (
        keys_hold_the_device,
        [
            _manifest(_model(config=_contract(unique_key=["id"]))),
            _manifest(_model(config=_contract(unique_key="id"))),
            _manifest(
                _model(config=_contract(indexes=[{"columns": ["id"], "unique": True}]))
            ),
            _manifest(_model(constraints=[{"type": "unique", "columns": ["id"]}])),
            _manifest(_model(), _grain_test(["id"])),
        ],
    ),
    (
        only_the_time_macros_turn_an_instant_into_a_date,
        [
            _manifest(_sql("select event_at::date")),
            _manifest(_sql("select cast(m.read_at as date)")),
            _manifest(_sql("select max(event_at)::date")),
            _manifest(_sql("select current_date")),
            _manifest(macros=(_macro(macro_sql="date_trunc(now()::date)"),)),
        ],
    ),
    (
        texts_of_vars_are_quoted_by_the_macro,
        [
            _manifest(_sql("select '{{ var(\"device\") }}'")),
            _manifest(_sql("{{ f(\"interval '\" ~ var('final_after') ~ \"'\") }}")),
            _manifest(macros=(_macro(macro_sql="time '{{- var('x') -}}'"),)),
        ],
    ),
    (
        models_hold_no_business_number,
        [
            _manifest(_sql("select a where speed > 4.5")),
            _manifest(_sql("select bricks * 0.97")),
            _manifest(_sql("select a where b between 3 and 7")),
        ],
    ),
    (
        public_marts_have_a_contract,
        [_manifest(_model(config=_contract(contract={"enforced": False})))],
    ),
    (
        contracts_and_python_models_type_every_column,
        [
            _manifest(_model(columns={"a": _column("a", data_type=None)})),
            _manifest(_model(columns={})),
        ],
    ),
    (
        no_ref_has_an_alias_of_its_own,
        [_manifest(_sql("select * from {{ ref('devices') }} as devices"))],
    ),
    (
        device_days_are_read_by_what_hashes_them,
        [
            _manifest(
                _model("steps", config=_contract(materialized="device_day")),
                _model(
                    raw_code="select * from {{ ref('steps') }}",
                    config=_contract(materialized="device_day"),
                ),
            )
        ],
    ),
    (
        seeds_and_models_never_share_a_name,
        [_manifest(_model("stages"), _model("stages", resource_type="seed"))],
    ),
]


def _sentence(rule: Callable) -> str:
    return rule.__name__


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES], ids=_sentence)
def test_the_project_keeps_that(rule: Callable, manifest: Manifest):
    assert rule(manifest) == []


@pytest.mark.parametrize(
    ("rule", "bad"),
    [(rule, bad) for rule, cases in RULES for bad in cases],
    ids=lambda part: part.__name__ if callable(part) else "",
)
def test_the_rule_notices_when_it_is_not_so_that(rule: Callable, bad: Manifest):
    assert rule(bad) != []


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES], ids=_sentence)
def test_a_tidy_model_satisfies_that(rule: Callable):
    macro = _macro(macro_sql="{% macro macro(x) %}{{ x }}{% endmacro %}")
    tidy = _manifest(
        _model(), _grain_test(["device_id", "production_date"]), macros=(macro,)
    )
    assert rule(deepcopy(tidy)) == []


@pytest.mark.parametrize(
    "code",
    [
        "select production_date::date, count / 1000 where error_count > 0",
        "select a -- until event_at::date > 5 it was 97",
        "select payload ->> 'day' as day_text where valid_from_date <= {{ x(5) }}",
        "select timestamp '2026-01-01 00:00' as event_at",
    ],
)
def test_the_textual_rules_leave_innocent_code_alone(code: str):
    innocent = _manifest(_sql(code))
    assert only_the_time_macros_turn_an_instant_into_a_date(innocent) == []
    assert models_hold_no_business_number(innocent) == []


def test_the_manifest_is_not_empty(manifest: Manifest):
    assert _nodes(manifest, "model")
    assert _own_macros(manifest)


def test_seeds_describe_exactly_their_columns(manifest: Manifest, tmp_path: Path):
    assert seeds_describe_exactly_their_columns(manifest) == []
    (tmp_path / "stages.csv").write_text("device_id,extra\n1,2\n")
    seed = _model("stages", resource_type="seed", original_file_path="stages.csv")
    bad = seeds_describe_exactly_their_columns(_manifest(seed), tmp_path)
    assert bad == ["stages.extra"]


def test_generic_tests_take_their_arguments_under_arguments(tmp_path: Path):
    assert generic_tests_take_their_arguments_under_arguments(ROOT) == []
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.yml").write_text(
        "models: [{name: a, columns: [{name: b, data_tests: [not_null,"
        " {accepted_values: {values: [1]}}, {unique: {config: {where: x}}},"
        " {accepted_values: {arguments: {values: [1]}}}]}]}]"
    )
    bad = generic_tests_take_their_arguments_under_arguments(tmp_path)
    assert bad == ["a.yml: accepted_values ['values']"]


def test_the_project_file_has_at_most_80_lines(tmp_path: Path):
    assert the_project_file_has_at_most_80_lines(ROOT) == []
    (tmp_path / "dbt_project.yml").write_text("#\n" * 81)
    assert the_project_file_has_at_most_80_lines(tmp_path) != []


def test_no_file_names_a_path_of_one_machine(tmp_path: Path):
    assert no_file_names_a_path_of_one_machine(ROOT) == []
    (tmp_path / "notes.md").write_text("see " + "/" + "home/somebody/brickworks")
    (tmp_path / "fine.md").write_text(
        "https://example.org/home/x, models/work/x, ./work/x"
    )
    assert len(no_file_names_a_path_of_one_machine(tmp_path)) == 1
