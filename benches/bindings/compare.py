"""Compares the calls of several programs, and prints a table in Markdown.

    python compare.py ROUNDS -- PROGRAM [ARGUMENT...] -- PROGRAM [ARGUMENT...]...

The programs take turns, a short round each, so that what else the machine does meets all of them alike. What a way adds
is the median of its differences, round by round, to the first way of the first program. See `docs/benchmarks.md`.
"""

import json
import os
import statistics
import subprocess
import sys
from typing import Any

SIZES = {16: "One small result (`echo`, 16 bytes)", 1_000_000: "One large result (`big`, 1 MB)"}


def main(rounds: int, commands: list[list[str]]) -> None:
    """Starts the programs, lets them take turns, and prints what they have measured."""
    print(f"Load before: {os.getloadavg()[0]:.2f}. Rounds: {rounds}.")
    programs = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        for command in commands
    ]
    for number in range(rounds):
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr)
        for program in programs:
            ask(program)
    print(file=sys.stderr)
    figures: list[dict[str, Any]] = []
    for program in programs:
        output, _ = program.communicate()
        if program.returncode != 0:
            sys.exit(f"{program.args!r} failed")
        figures += map(json.loads, output.splitlines())
    for size, heading in SIZES.items():
        table(heading, [figure for figure in figures if figure["bytes"] == size])


def ask(program: "subprocess.Popen[str]") -> None:
    """Has a program make one round of calls."""
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write("round\n")
    if program.stdout.readline() != "round\n":
        sys.exit(f"{program.args!r} failed")


def table(heading: str, figures: list[dict[str, Any]]) -> None:
    """Prints the figures of one size."""
    print(f"\n### {heading}\n\n| language | way | p50 µs | p99 µs | added to Rust, p50 µs |\n|---|---|---|---|---|")
    base = figures[0]["rounds_p50_us"]
    for place, figure in enumerate(figures):
        added = statistics.median(map(float.__sub__, figure["rounds_p50_us"], base))
        cells = [figure["language"], figure["way"], f"{figure['p50_us']:.0f}", f"{figure['p99_us']:.0f}"]
        print("|", " | ".join([*cells, f"{added:.0f}" if place else "-"]), "|")


def split(words: list[str]) -> list[list[str]]:
    """Returns the commands between the words `--`."""
    commands: list[list[str]] = []
    for word in words:
        if word == "--":
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


main(int(sys.argv[1]), split(sys.argv[2:]))
