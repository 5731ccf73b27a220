"""`make bench`: measure, print, write down."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from bench import report
from bench.scenarios import ROOT, measure


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("messages", type=click.IntRange(min=1000), nargs=-1, required=True)
@click.option("--devices", default=40, show_default=True, help="A multiple of 8.")
@click.option(
    "--subset",
    default=100_000,
    show_default=True,
    help="Messages of the row-by-row way, in whole devices.",
)
@click.option("--quick", is_flag=True, help="Only to see that it still works.")
@click.option(
    "--tests/--no-tests", default=True, help="The data tests of the whole history."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / ".local" / "bench",
    help="Folder of the report; .local/bench when absent.",
)
def main(
    messages: tuple[int, ...],
    devices: int,
    subset: int,
    quick: bool,
    tests: bool,
    output: Path,
) -> None:
    """Measure a build at each of these numbers of MESSAGES, beside other ways.

    Every size has a throw-away server of its own.
    """
    console = Console(stderr=True)
    sizes = []
    output = output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    for number in messages:
        console.print(f"About {number:,} messages", style="bold")
        # Under the report: the temporary folder of a machine may be small, or memory.
        with tempfile.TemporaryDirectory(dir=output, prefix="work-") as folder:
            Path(folder).chmod(0o755)  # The server may be another user.
            sizes.append(
                measure(
                    number,
                    devices,
                    Path(folder),
                    subset,
                    lambda text: console.print(f"  {text}", highlight=False),
                    quick=quick,
                    tests=tests,
                )
            )
        # After each size: what an hour has measured is not lost with the next one.
        (output / "report.md").write_text(report.markdown(sizes), encoding="utf-8")
        (output / "report.json").write_text(report.as_json(sizes), encoding="utf-8")
    report.show(sizes, Console(width=None if sys.stdout.isatty() else 200))
    click.echo(f"The report is {output / 'report.md'}")


if __name__ == "__main__":
    main()
