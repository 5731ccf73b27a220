"""dbt's `adapter`, as far as models and their macros use it to make text."""


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def code_version(model: dict) -> str:
    """Return a hash, as the version of a model's code is one."""
    return "0" * 32
