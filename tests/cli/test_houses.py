"""`quartapp houses`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from quartapp.houses import csv_lines
from quartapp.houses.demo import CSV
from tests.cli.conftest import Run, refused

HEADER = csv_lines.HEADER


async def test_a_file_goes_in_and_comes_out_alike(migrated: Run, tmp_path: Path) -> None:
    result = await migrated("houses", "import", str(CSV))
    assert (result.stdout, result.stderr) == ("Houses imported: 25\n", "")

    result = await migrated("houses", "export", "out.csv")
    assert (result.stdout, result.stderr) == ("", "Houses exported: 25\n")
    assert (tmp_path / "out.csv").read_bytes() == CSV.read_bytes()
    assert (await migrated("houses", "export", "-")).stdout == CSV.read_text()


async def test_a_file_is_read_from_standard_input(migrated: Run) -> None:
    result = await migrated("houses", "import", "-", stdin=CSV.read_bytes())

    assert result.stdout == "Houses imported: 25\n"


async def test_bad_lines_are_named_and_nothing_is_imported(migrated: Run, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(HEADER + "1,a,b,c\n2,a,b\n1,a,b,c\n")

    result = await migrated("houses", "import", "in.csv")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "line 3: number of columns: 3, not 4",
        "line 4: id '1' stands on line 2 already",
        "Error: nothing was imported: 2 bad lines (--skip-bad imports the rest)",
    ]
    assert (await migrated("houses", "export", "-")).stdout == HEADER


async def test_the_rest_is_imported_if_bad_lines_are_skipped(migrated: Run, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(HEADER.encode() + b"1,a,b,c\n2,\xff,b,c\n3,,,\n")

    result = await migrated("houses", "import", "--skip-bad", "in.csv")

    assert result.exit_code == 0
    assert result.stderr == "line 3: is not UTF-8\n"
    assert result.stdout == "Houses imported: 2; lines skipped: 1\n"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("missing.csv", None, "missing.csv: No such file"),
        (".", None, "Is a directory"),
        ("empty.csv", b"", "the file is empty"),
        ("other.csv", b"a,b\n1,2\n", "line 1: must be id,project_no"),
        ("utf16.csv", "id".encode("utf-16"), "line 1: is not UTF-8"),
    ],
)
async def test_a_file_that_cannot_be_read_is_one_line(
    migrated: Run, tmp_path: Path, name: str, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    refused(await migrated("houses", "import", name), why)


async def test_an_export_that_cannot_be_written_is_one_line_and_leaves_nothing(
    migrated: Run, tmp_path: Path
) -> None:
    refused(await migrated("houses", "export", "no/where.csv"), "no/where.csv: No such file")
    refused(await migrated("houses", "export", "."), ".: Is a directory")
    assert not list(tmp_path.glob(".quartapp*"))


async def test_a_file_that_exists_is_replaced_only_when_all_went_well(
    migrated: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.csv"
    out.write_text("before")
    out.chmod(0o640)

    def full(_values: object) -> str:
        raise OSError(28, "No space left on device")

    await migrated("houses", "import", str(CSV))
    with monkeypatch.context() as patch:
        patch.setattr(csv_lines, "_written", full)
        refused(await migrated("houses", "export", "out.csv"), "out.csv: No space left on device")
    assert out.read_text() == "before"

    (tmp_path / "link.csv").symlink_to(out)
    await migrated("houses", "export", "link.csv")
    assert out.read_bytes() == CSV.read_bytes()
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    assert not list(tmp_path.glob(".quartapp*"))


async def test_an_export_goes_to_a_device_too(migrated: Run) -> None:
    assert (await migrated("houses", "export", os.devnull)).exit_code == 0
    assert Path(os.devnull).is_char_device()
