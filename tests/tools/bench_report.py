"""What `make bench` measured, as text on the terminal, as Markdown, as JSON and as a chart."""

import dataclasses
import datetime
import html
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

SIGNING = "Signing, in one process"
HEADERS = "One Authorization header, by this package and by others"
REQUESTS = "Requests a second, kept-alive HTTPS to 127.0.0.1, {}"
UNUSED = "HTTPie where this package is installed and not used, CPU of the process"
HTTP = "HTTPie with credentials (--offline), CPU of the process"
PROGRAMS = "A program that signs one request, CPU of the process"
PYTEST = "pytest with this package's plugin, CPU of the process"

SIGNATURE = "a bare RSA-2048 signature"
ONE_HEADER = "one header, each for another URL"


@dataclasses.dataclass(frozen=True)
class Row:
    """Something measured, beside its baseline if it has one; or the reason why it was not."""

    group: str
    name: str
    values: Sequence[float] = ()
    beside: str = ""
    others: Sequence[float] = ()
    unit: str = "s"  # or "requests/s", of which more is better
    aim: float | None = None  # of the ratio; of the seconds where there is no baseline
    ours: bool = False  # others of its group are compared with the first of these
    remark: str = ""
    not_measured: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """The quartiles of the ratios of the turns; of the values where there is no baseline."""
        pairs = zip(self.values, self.others, strict=True) if self.beside else ()
        first, middle, third = statistics.quantiles([a / b for a, b in pairs] or self.values, n=4)
        return first, middle, third

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None if it lies between the quartiles, so noise decides."""
        low, _, high = self.quartiles
        if self.aim is None or low <= self.aim < high:
            return None
        return high <= self.aim

    def compared_with(self, ours: "Row") -> str:
        """Say which of the two is faster, or that the ranges of their middle halves overlap."""
        low, _, high = self.quartiles
        our_low, _, our_high = ours.quartiles
        if low <= our_high and our_low <= high:
            return "no clear difference from this package"
        less = high < our_low
        return f"{'faster' if less == (self.unit == 's') else 'slower'} than this package"


def line(row: Row) -> str:
    """Return what the terminal shows."""
    if row.not_measured:
        return f"{row.name:42} not measured: {row.not_measured}"
    text = f"{row.name:42} {figure(row.median, row.unit)}"
    if row.beside:
        low, middle, high = map(ratio, row.quartiles)
        other = figure(statistics.median(row.others), row.unit)
        text += f"  {row.beside:32} {other}  {middle:>7} ({low} to {high})"
    return f"{text}  aim {aim(row)}" if row.aim else text


def figure(value: float, unit: str = "s") -> str:
    if unit != "s":
        return f"{value:6.0f} /s"
    return f"{value * 1e6:6.0f} us" if abs(value) < 1e-3 else f"{value * 1e3:6.1f} ms"


def plain(unit: str) -> Callable[[float], str]:
    return lambda value: figure(value, unit).strip()


def ratio(value: float) -> str:
    """Return three decimals where the aims have two, so that a missed aim does not look met."""
    return f"{value:.3f}" if value < 10 else f"{value:.0f}"


def aim(row: Row) -> str:
    if row.aim is None:
        return ""
    value = f"{row.aim:.4g}" if row.beside else f"under {row.aim * 1e3:.0f} ms"
    return f"{value}: { ({True: 'met', False: 'missed', None: 'not decided'}[row.met]) }"


VERSIONS = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def versions(asked: Iterable[tuple[Path, Iterable[str]]], node_package: Path) -> dict[str, str]:
    """Return the versions of distributions, each asked for in the venv of a Python."""
    found = {}
    for python, names in asked:
        if python.exists():
            run = [python, "-c", VERSIONS, *names]
            found |= json.loads(subprocess.check_output(run, text=True))
    if shutil.which("node") and node_package.exists():
        said = subprocess.check_output(["node", "--version"], text=True)
        found["Node"] = said.strip().removeprefix("v")
        package = json.loads(node_package.read_text(encoding="utf-8"))
        found[package["name"]] = package["version"]
    return found


def machine(versions: dict[str, str]) -> dict[str, object]:
    """Describe where the figures come from."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "load_average_at_the_start": [round(load, 2) for load in os.getloadavg()],
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": versions,
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())


def write(folder: Path, rows: list[Row], about: dict[str, object]) -> None:
    """Write the three files."""
    contents = {
        "bench.md": markdown(rows, about),
        "bench.json": json.dumps({"machine": about, "rows": list(map(as_data, rows))}, indent=1),
        "bench.svg": chart([row for row in rows if row.group == HEADERS], about),
    }
    for name, text in contents.items():
        (folder / name).write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def as_data(row: Row) -> dict[str, object]:
    """Return a row for machines: medians and quartiles, in seconds or requests a second."""
    data: dict[str, object] = {"group": row.group, "name": row.name}
    if row.not_measured:
        return {**data, "not_measured": row.not_measured}
    data |= {"unit": row.unit, "median": row.median, "turns": len(row.values)}
    if row.beside:
        data |= {"baseline": row.beside, "baseline_median": statistics.median(row.others)}
    q1, median, q3 = row.quartiles
    data["ratio" if row.beside else "quartiles"] = {"q1": q1, "median": median, "q3": q3}
    if row.aim is not None:
        data |= {"aim": row.aim, "met": row.met}
    return {**data, "remark": row.remark} if row.remark else data


INTRODUCTION = """\
# What a signed request costs

`make bench` wrote this page; the same figures for machines are in [bench.json](bench.json). A row
and its baseline are measured in turns. The ratio is the median of the ratios of the turns; half of
the turns lie between the quartiles. An aim is met or missed if all of that range is below or above
it, and not decided otherwise. "Faster" and "slower" are said only where ranges do not overlap.

![A bar chart of the rows of "One Authorization header"](bench.svg)
"""


def markdown(rows: list[Row], about: dict[str, object]) -> str:
    """Return the page: one table for each group, the machine, three sentences for users."""
    parts = [INTRODUCTION]
    for group in dict.fromkeys(row.group for row in rows):
        members = [row for row in rows if row.group == group]
        ours = next((row for row in members if row.ours and not row.not_measured), None)
        parts += [f"## {group}\n", table(members, ours)]
    parts += ["## The machine\n", described(about), "## Is that fast enough?\n", sentences(rows)]
    return "\n".join(parts)


def table(rows: Iterable[Row], ours: Row | None) -> str:
    text = "| row | aim | result | quartiles | measured | beside | remark |\n"
    text += "|---|---|---|---|---|---|---|\n"
    return text + "".join(f"| {' | '.join(cells(row, ours))} |\n" for row in rows)


def cells(row: Row, ours: Row | None) -> list[str]:
    name = f"**{row.name}**" if row.ours else row.name
    if row.not_measured:
        return [name, "", f"not measured: {row.not_measured}".replace("|", "/"), "", "", "", ""]
    low, middle, high = map(ratio if row.beside else plain(row.unit), row.quartiles)
    beside = row.beside
    if beside:
        beside += f", {plain(row.unit)(statistics.median(row.others))}"
    compares = ours is not None and not row.ours
    remarks = [row.compared_with(ours)] if compares and row.beside else []
    remarks += [row.remark] if row.remark else []
    measured = plain(row.unit)(row.median) if row.beside else ""
    return [name, aim(row), middle, f"{low} to {high}", measured, beside, "; ".join(remarks)]


def described(about: dict[str, object]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    loads = ", ".join(map(str, about["load_average_at_the_start"]))
    return (
        f"{about['cpu']}, {about['cores']} cores, load average {loads} at the start;\n"
        f"{about['system']}; {about['python']}; {about['date']}.\n\n{versions}.\n"
    )


# Found with these names and numbers in copies of Vonage's pages, November 2026.
CPS = "[Calls Per Second (CPS) Limit](https://developer.vonage.com/en/voice/voice-api/concepts/cps-limit)"
VOICE = "[Troubleshooting](https://developer.vonage.com/voice/voice-api/guides/troubleshooting)"
SMS = (
    "[What is the Throughput Limit for Outbound SMS?](https://api.support.vonage.com/hc/en-us/"
    "articles/203993598-What-is-the-Throughput-Limit-for-Outbound-SMS)"
)


def sentences(rows: list[Row]) -> str:
    """Return three sentences: what one core signs, what Vonage admits, what that takes."""
    row = next(row for row in rows if row.name == ONE_HEADER)
    bare, header = statistics.median(row.others), row.median
    return (
        f"One core of this machine made {1 / bare:,.0f} bare RSA-2048 signatures a second, and "
        f"{1 / header:,.0f} headers with `NexmoJWT`,\neach with a signature of its own.\n"
        f"Vonage documents these default limits: 3 new outbound calls a second ({CPS}),\n"
        f"15 requests a second for the rest of the Voice API ({VOICE}, of the Voice API),\n"
        f"and 30 API requests a second for each API key ({SMS}).\n"
        f"At 30 requests a second, signing takes {30 * header * 1e3:.1f} ms of each second of one "
        f"core, or {3000 * header:.2f} %.\n"
    )


STYLE = """
  .paper { fill: #ffffff } text { fill: #1f2328; font: 14px system-ui, sans-serif }
  .title { font-size: 17px; font-weight: 600 } .small { font-size: 12px }
  .grid { stroke: #d1d9e0 } .bar { fill: #818b98 } .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } text { fill: #f0f6fc }
    .grid { stroke: #3d444d } .bar { fill: #9198a1 } .ours { fill: #4493f8 }
  }
"""
LEFT, RIGHT, TOP, STEP = 292, 700, 76, 30


def chart(rows: list[Row], about: dict[str, object]) -> str:
    """Return a bar chart with a log scale that starts at one signature, as SVG."""
    measured = [row for row in rows if not row.not_measured]
    highest = max((row.quartiles[1] for row in measured), default=1)
    decades = max(1, math.ceil(math.log10(highest)))
    bottom = TOP + STEP * len(rows)
    title = "Cost of one Authorization header, in signatures"
    notes = "Log scale; the left edge is one bare RSA-2048 signature. @vonage/jwt: in Node's own."
    where = f"{about['cpu']}, {about['cores']} cores, {about['python']}, {about['date']}"
    body = [grid(exponent, decades, bottom) for exponent in range(decades + 1)]
    body += [bar(row, decades, TOP + STEP * number) for number, row in enumerate(rows)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {bottom + 62}" role="img" '
        f'aria-labelledby="title notes">\n'
        f'<title id="title">{title}</title>\n<desc id="notes">{html.escape(notes)}</desc>\n'
        f'<style>{STYLE}</style>\n<rect class="paper" width="100%" height="100%" rx="6"/>\n'
        f"{words(20, 32, title, 'title')}{''.join(body)}"
        f"{words(20, bottom + 28, notes, 'small')}{words(20, bottom + 46, where, 'small')}</svg>"
    )


def across(value: float, decades: int) -> float:
    return LEFT + (RIGHT - LEFT) * math.log10(max(value, 1)) / decades


def grid(exponent: int, decades: int, bottom: int) -> str:
    x = across(10**exponent, decades)
    label = words(x, TOP - 14, f"{10**exponent}", "small", "middle")
    return f'<path class="grid" d="M{x:.1f} {TOP - 8}V{bottom}"/>\n{label}'


def bar(row: Row, decades: int, top: int) -> str:
    """Return one bar with its name at the left and its value at the right."""
    name = words(LEFT - 10, top + 19, row.name, "", "end")
    if row.not_measured:
        return name + words(LEFT + 8, top + 19, "not measured", "small")
    middle = row.quartiles[1]
    end = max(across(middle, decades), LEFT + 2)
    kind = "ours" if row.ours else "bar"
    value = f"{middle:.0f}" if middle >= 10 else f"{middle:.2f}"
    rect = f'<rect class="{kind}" x="{LEFT}" y="{top + 5}" width="{end - LEFT:.1f}" height="19"/>\n'
    return name + rect + words(end + 8, top + 19, value, "")


def words(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    attributes = f'x="{x:.1f}" y="{y}" text-anchor="{anchor}"' + (f' class="{kind}"' * bool(kind))
    return f"<text {attributes}>{html.escape(text)}</text>\n"
