"""Makes `.venv` with Python 3.10 and the locked packages. Run by make, under any Python from 3.6 on.

    python bootstrap.py [library | pipeline]        the packages of the library, or those of the pipeline as well
    python bootstrap.py current [3.11 | 3.12 | 3.13]   `.venv-current`, with the newest TensorFlow and a later Python
    python bootstrap.py docs                        `.venv-docs`, with what builds the site and nothing of the library

What it needs it finds or brings: uv (on the PATH, else installed from PyPI into `.bootstrap`) and the Python (among
pyenv's, on the PATH, else one that uv provides, in `.bootstrap`).
"""

import glob
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OWN = os.path.join(HERE, ".bootstrap")
PART = sys.argv[1] if len(sys.argv) > 1 else "library"
ASKED = sys.argv[2:3]
LANES = ["3.12", "3.13", "3.11"] if PART == "current" else ["3.10"]  # Pythons that will do, the first one first
WANTED = ASKED or LANES
APART = PART == "docs"  # an environment of its own, which cannot disturb the library's
VENV = os.path.join(HERE, "-".join([{"docs": ".venv-docs", "current": ".venv-current"}.get(PART, ".venv")] + ASKED))
PYTHON = os.path.join(VENV, "bin", "python")
LOCK = os.path.join(HERE, "requirements", PART + ".lock")
# The library's lock is part of the pipeline's.
READY = [".ready", ".ready-pipeline"] if PART == "pipeline" else [".ready"]
# A Python built by hand may lack one of these; packages of the lock need them all.
PROBE = "import sys, bz2, ctypes, lzma, sqlite3, ssl, zlib; sys.exit('%%d.%%d' %% sys.version_info[:2] not in %r)"


def main():
    if not set(WANTED) <= set(LANES):
        stop("expected LANE_PYTHON to be one of " + ", ".join(sorted(LANES)) + ". Received " + ", ".join(WANTED) + ".")
    os.chdir(HERE)
    uv = find_uv() or install_uv()
    if not works(PYTHON, "-c", PROBE % WANTED):
        say("making " + os.path.basename(VENV))
        run(uv, "venv", "--quiet", "--clear", "--python", find_python(WANTED) or provide_python(uv, WANTED[0]), VENV)
    say("installing the locked packages of the " + PART + " (about a minute)")
    # Without bytecode the first command would compile the packages or, where PYTHONDONTWRITEBYTECODE is set, every one.
    install = (uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", PYTHON)
    run(*install, "--require-hashes", "--requirement", LOCK)
    if not APART:  # setuptools is in the lock, so nothing is fetched for building
        # By a line in a .pth file: setuptools' own finder comes after the folder of a script, and a script beside a
        # clone called looc_tf would import that folder.
        how = ("--no-deps", "--no-build-isolation", "--config-settings", "editable_mode=compat")
        run(uv, "pip", "install", "--quiet", "--python", PYTHON, *how, "--editable", HERE)
    for name in READY:
        open(os.path.join(VENV, name), "w").close()
    if not APART:
        say("ready. Next: . " + os.path.basename(VENV) + "/bin/activate, then looc --help")


def find_uv():
    """A uv that works: the user's or the one of an earlier set-up."""
    own = [os.path.join(OWN, folder, "bin", "uv") for folder in ("venv", "target")]
    return next((uv for uv in [shutil.which("uv")] + own if uv and works(uv, "--version")), None)


def install_uv():
    """uv comes from PyPI as a wheel. Debian's Python may lack venv, others lack pip: one Python with either will do."""
    say("getting uv, which installs packages")
    venv, target = os.path.join(OWN, "venv"), os.path.join(OWN, "target")
    for python in pythons(WANTED):
        shutil.rmtree(OWN, ignore_errors=True)
        if works(python, "-m", "venv", venv) and works(os.path.join(venv, "bin", "pip"), "install", "--quiet", "uv"):
            break
        if works(python, "-m", "pip", "install", "--quiet", "--target", target, "uv"):
            break
    uv = find_uv()
    if not uv:
        stop(
            "uv could not be installed. Tried `python -m venv` and `python -m pip install uv` with: "
            + ", ".join(pythons(WANTED))
            + ". Install uv (https://docs.astral.sh/uv) or Python's venv module (Debian: apt install python3-venv), "
            "check that PyPI can be reached, and run make again."
        )
    return uv


def find_python(wanted):
    """A wanted Python that works: `python3.10` may be a pyenv shim for a version that is not active: each is tried."""
    return next((python for python in pythons(wanted) if works(python, "-c", PROBE % wanted)), None)


def provide_python(uv, version):
    """Lets uv download the Python into `.bootstrap`."""
    say("no Python " + version + " here; getting one")
    os.environ["UV_PYTHON_INSTALL_DIR"] = os.path.join(OWN, "python")
    if subprocess.call([uv, "python", "install", version], stdin=subprocess.DEVNULL) != 0:
        stop(
            "Python %s is missing and uv could not download it, see above. Install it (pyenv install %s, or the "
            "system's python%s) and run make again. Found only: "
            % (version, version, version)
            + ", ".join(pythons([version]))
            + "."
        )
    return version


def pythons(wanted):
    """Pythons worth a try, the wanted ones first."""
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    ours, named = [], []
    for version in wanted:
        pattern = os.path.join(pyenv, "versions", version + ".*", "bin", "python" + version)
        ours += sorted(glob.glob(pattern), reverse=True)
        named.append(shutil.which("python" + version))
    others = [shutil.which(name) for name in ("python3", "python")] + ["/usr/bin/python3"]
    candidates = ours + named + [sys.executable] + others
    return list(dict.fromkeys(path for path in candidates if path and os.path.exists(path)))


def works(*command):
    try:
        quiet = subprocess.DEVNULL
        return subprocess.call(command, stdin=quiet, stdout=quiet, stderr=quiet) == 0
    except OSError:
        return False


def run(*command):
    """Shows what the command prints; its failure ends the set-up."""
    if subprocess.call(command, stdin=subprocess.DEVNULL) != 0:
        stop("this command failed: " + " ".join(command) + ". Mend what it says above and run make again.")


def say(message):
    print("looc set-up: " + message, flush=True)


def stop(message):
    sys.stderr.write("looc set-up: " + message + "\n")
    sys.exit(2)


if __name__ == "__main__":
    os.environ.setdefault("UV_HTTP_TIMEOUT", "180")
    main()
