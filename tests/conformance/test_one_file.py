"""docs/your-generator.md as a newcomer follows it: the file, the check, the suite, the comparison."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "your-generator.md").read_text(encoding="utf-8")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the page's two files, its suite cut to two seeds and few patients."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (suite,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "my_generator.py").write_text(code)
    (tmp_path / "mine.yaml").write_text(suite.replace("[0, 1, 2, 3, 4]", "[0, 1]").replace("patients: 600", "patients: 200"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_runs_from_the_check_to_the_comparison(desk, program):
    code, said = program("check", "./my_generator.py:Mine")
    assert code == 0 and " 0 FAILED" in said, said
    code, said = program("run", "mine.yaml", "--jobs", "1")
    assert code == 0 and "10 ok" in said, said
    code, said = program("compare", "runs/mine:mine", "runs/mine:copula", "--metric", "tstr")
    assert "mine -> copula" in said, said
    page = (desk / "runs" / "mine" / "report.html").read_text()
    assert "local file my_generator.py" in page and str(desk) not in page


def test_an_edit_of_the_file_runs_its_trials_anew_and_no_others(desk, program):
    suite = (desk / "mine.yaml").read_text().replace("[0, 1]", "[0]").replace(", tstr, latent", "")
    (desk / "mine.yaml").write_text(suite)
    assert program("run", "mine.yaml", "--jobs", "1")[0] == 0
    file = desk / "my_generator.py"
    file.write_text(file.read_text().replace("clamp(-4, 2)", "clamp(-4, 3)"))
    code, said = program("run", "mine.yaml", "--jobs", "1")
    assert code == 0 and "2 to run, 3 kept" in said, said
