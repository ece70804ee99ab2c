"""Writes what was measured into docs/performance.md: no figure there is typed by hand."""

from pathlib import Path

from harness.paths import ROOT

from measure import plot, table

PAGE = ROOT / "docs" / "performance.md"
FIGURES = ROOT / "docs" / "performance.json"
PICTURE = ROOT / "docs" / "performance.svg"


def write(report: dict) -> None:
    PICTURE.write_text(plot.as_svg(report["rows"]))
    rows = [row for row in report["rows"] if row["part"] != "compression"]
    compression = [row for row in report["rows"] if row["part"] == "compression"]
    text = _replaced(PAGE.read_text(), "table", table.as_markdown(rows))
    text = _replaced(text, "compression", table.two_columns(compression))
    PAGE.write_text(_replaced(text, "machine", _machine(report)))


def _machine(report: dict) -> str:
    described = "; ".join(f"{name}: {value}" for name, value in report["machine"].items())
    return f"Taken {report['taken']} on: {described}."


def _replaced(page: str, name: str, text: str) -> str:
    """The page with the text between its two markers of that name replaced."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, rest = page.split(begin)
    return f"{before}{begin}{text}\n{end}{rest.split(end)[1]}"
