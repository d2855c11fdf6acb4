"""The set-up of ./run and ./test, with a Python, an apt and a sudo that only write down what is asked of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

ROOT = Path(__file__).parents[2]
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None or sys.platform == "win32", reason="a bash script")

PYTHON = """#!/bin/bash
echo "python $*" >> "$CALLS"
case "$*" in
    "-c import sys; print"*) echo python3.11-venv ;;
    "-c import ensurepip, venv") [[ ! -e "$NO_VENV" ]] ;;
    --version) echo "Python 3.11.0" ;;
    "-m venv --clear "*) rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
    "-m pip install"*) [[ -e "$OFFLINE" ]] && exit 1; [[ ! -p "$GATE" ]] || read -r < "$GATE"; exit 0 ;;
esac
"""
APT = """#!/bin/bash
echo "apt-get $*" >> "$CALLS"
rm -f "$NO_VENV"
"""
TOOLS = ("bash", "cat", "cksum", "cp", "cut", "dirname", "env", "flock", "mkdir", "mv", "readlink", "rm", "tr", "uname")


class Machine:
    """A checkout on a machine that has only what a test gives it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "check out"
        self.root.mkdir()
        (self.root / "packaging").mkdir()
        shutil.copy(ROOT / "packaging" / "setup.sh", self.root / "packaging")
        shutil.copy(ROOT / "pyproject.toml", self.root)
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls_file = folder / "calls"
        self.offline, self.no_venv, self.gate = folder / "offline", folder / "no-venv", folder / "gate"
        for tool in TOOLS:
            if found := shutil.which(tool):
                (self.bin / tool).symlink_to(found)
        self.has("ldconfig", 'printf "\\tlibthere.so.1 (libc6,x86-64) => /lib/libthere.so.1\\n"')
        self.has("id", "echo 1000")

    def has(self, tool: str, script: str) -> None:
        path = self.bin / tool
        path.write_text(script if script.startswith("#!") else f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def start(
        self, extras: str = "", packages: str = "", then: Literal["true", "set_up_training"] = "true"
    ) -> subprocess.Popen[str]:
        """Begin a set-up as ./run does, or ./test where more follows."""
        set_up = f'set_up "$1" "{extras}" "$2"; {then} "$1"'
        script = f'set -euo pipefail; source "$1/packaging/setup.sh"; {set_up}; echo started'
        environment = {
            "PATH": str(self.bin),
            "CALLS": str(self.calls_file),
            "OFFLINE": str(self.offline),
            "NO_VENV": str(self.no_venv),
            "GATE": str(self.gate),
        }
        return subprocess.Popen(
            [str(BASH), "-c", script, "run", str(self.root), packages],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def set_up_training(self) -> tuple[int, str, str]:
        process = self.start("dev", then="set_up_training")
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def set_up(self, extras: str = "", packages: str = "") -> tuple[int, str, str]:
        process = self.start(extras, packages)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def calls(self) -> list[str]:
        """What was asked of the tools since the last look."""
        if not self.calls_file.exists():
            return []
        lines = self.calls_file.read_text().splitlines()
        self.calls_file.unlink()
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.has("python3", PYTHON)
    return machine


def installs(calls: list[str]) -> list[str]:
    return [call for call in calls if "pip install" in call]


def test_the_first_start_installs_and_the_next_asks_nobody(machine: Machine) -> None:
    code, out, err = machine.set_up()
    assert (code, out) == (0, "started\n")
    assert "installing Python packages" in err
    assert len(installs(machine.calls())) == 1
    assert machine.set_up() == (0, "started\n", "")
    assert machine.calls() == []


def test_a_changed_definition_is_installed_into_the_same_environment(machine: Machine) -> None:
    machine.set_up()
    machine.calls()
    with (machine.root / "pyproject.toml").open("a") as file:
        file.write("# more\n")
    machine.set_up()
    calls = machine.calls()
    assert len(installs(calls)) == 1
    assert not any("venv --clear" in call for call in calls)


def test_development_has_what_running_needs_and_stays_development(machine: Machine) -> None:
    machine.set_up()
    machine.calls()
    machine.set_up("dev")
    assert installs(machine.calls())[0].endswith(f"--editable {machine.root}[dev]")
    machine.set_up("")
    assert machine.calls() == []
    with (machine.root / "pyproject.toml").open("a") as file:
        file.write("# more\n")
    machine.set_up("")
    assert installs(machine.calls())[0].endswith("[dev]")


def test_training_takes_pytorch_without_cuda_and_then_the_rest(machine: Machine) -> None:
    assert machine.set_up_training()[:2] == (0, "started\n")
    _, torch, rest = installs(machine.calls())
    assert "--index-url https://download.pytorch.org/whl/cpu torch" in torch
    assert rest.endswith(f"--editable {machine.root}[training]")


def test_training_takes_pytorch_from_the_usual_index_where_its_own_is_out_of_reach(machine: Machine) -> None:
    machine.has(
        "python3",
        PYTHON.replace('"-m pip install"*)', '"-m pip install"*pytorch.org*) exit 1 ;;\n    "-m pip install"*)'),
    )
    assert machine.set_up_training()[:2] == (0, "started\n")
    assert installs(machine.calls())[-2].endswith("--disable-pip-version-check torch")


@pytest.mark.parametrize("offers", ["", "echo nvidia-cudnn-cu13"])
def test_without_pytorch_the_checks_go_on(machine: Machine, offers: str) -> None:
    refuse = f'"-m pip install"*--dry-run*) {offers} ;; "-m pip install"*" torch") exit 1 ;; "-m pip install"*)'
    machine.has("python3", PYTHON.replace('"-m pip install"*)', refuse))
    code, out, err = machine.set_up_training()
    assert (code, out) == (0, "started\n")
    assert "tests of training/ are skipped" in err
    assert not any("[training]" in call for call in installs(machine.calls()))


def test_a_set_up_that_failed_is_a_sentence_and_is_done_again(machine: Machine) -> None:
    machine.offline.touch()
    code, out, err = machine.set_up()
    assert (code, out) == (1, "")
    assert "check the network and start again" in err
    machine.offline.unlink()
    assert machine.set_up()[:2] == (0, "started\n")


def test_a_broken_or_moved_environment_is_made_anew(machine: Machine) -> None:
    machine.set_up()
    (machine.root / ".venv" / "bin" / "python").unlink()
    machine.calls()
    assert machine.set_up()[0] == 0
    assert any("venv --clear" in call for call in machine.calls())
    moved = machine.root.with_name("moved")
    machine.root.rename(moved)
    machine.root = moved
    assert machine.set_up()[0] == 0
    assert any("venv --clear" in call for call in machine.calls())


@pytest.mark.skipif(shutil.which("flock") is None, reason="without flock nothing keeps two set-ups apart")
def test_two_at_once_install_once(machine: Machine) -> None:
    os.mkfifo(machine.gate)
    first = machine.start()
    with machine.gate.open("w") as gate:  # opens once the first one's pip waits
        second = machine.start()
        assert second.stderr is not None
        assert "waiting for another set-up" in second.stderr.readline()
        gate.write("go\n")
    for process in (first, second):
        assert process.communicate(timeout=30)[0] == "started\n"
    assert len(installs(machine.calls())) == 1


def test_without_python_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    code, out, err = Machine(tmp_path).set_up()
    assert (code, out) == (1, "")
    assert "Python 3.11 or newer is needed" in err
    assert "sudo apt-get install python3 python3-venv" in err


def test_missing_system_packages_are_named_in_a_command_where_they_may_not_be_installed(machine: Machine) -> None:
    machine.has("apt-get", APT)
    code, out, err = machine.set_up(packages="libthere.so.1 there1\nlibgone.so.2 gone2\nnosuchtool tool-package")
    assert (code, out) == (0, "started\n")
    assert "please run: sudo apt-get install gone2 tool-package\n" in err
    assert not any(call.startswith("apt-get") for call in machine.calls())


@pytest.mark.parametrize("root", [True, False], ids=["as root", "by sudo that asks nothing"])
def test_missing_system_packages_are_installed_where_they_may(machine: Machine, root: bool) -> None:
    machine.has("apt-get", APT)
    if root:
        machine.has("id", "echo 0")
    else:
        machine.has("sudo", '[[ $1 == -n ]] && shift && "$@"')
        machine.has("true", "exit 0")
    assert machine.set_up(packages="libgone.so.2 gone2")[:2] == (0, "started\n")
    (install,) = [call for call in machine.calls() if call.startswith("apt-get install")]
    assert install.endswith(" gone2")


def test_debian_s_python_without_venv_gets_it(machine: Machine) -> None:
    machine.no_venv.touch()
    machine.has("apt-get", APT)
    code, _, err = machine.set_up()
    assert code == 1
    assert "please run: sudo apt-get install python3.11-venv\n" in err
    machine.has("id", "echo 0")
    assert machine.set_up()[:2] == (0, "started\n")
