"""Packs the Python package and the native module that `cargo build --workspace` wrote into a wheel.

maturin builds the wheels of a release. It compiles the package alone, which selects other features
of its dependencies and so compiles all of them again. This script uses what is already there.

    python3 xtask/python/pack_wheel.py target/debug target/wheels
"""

import argparse
import base64
import hashlib
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CRATE = REPOSITORY / "crates" / "wolfgang-python"
LIBRARIES = {"linux": "lib_wolfgang.so", "darwin": "lib_wolfgang.dylib", "win32": "_wolfgang.dll"}
MODULES = {"linux": "_wolfgang.abi3.so", "darwin": "_wolfgang.abi3.so", "win32": "_wolfgang.pyd"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("built", type=Path, help="the folder of the native module: target/debug")
    parser.add_argument("out", type=Path, help="the folder of the wheel")
    arguments = parser.parse_args()

    project = tomllib.loads((CRATE / "pyproject.toml").read_text())["project"]
    workspace = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["workspace"]
    version = workspace["package"]["version"]
    name = project["name"].replace("-", "_")
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = f"cp311-abi3-{platform}"

    package = CRATE / "python"
    files = {
        path.relative_to(package).as_posix(): path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and path.suffix not in (".so", ".pyd", ".pyc")
    }
    library = arguments.built / LIBRARIES[sys.platform]
    files[f"wolfgang/{MODULES[sys.platform]}"] = library.read_bytes()

    info = f"{name}-{version}.dist-info"
    for licence in project["license-files"]:
        files[f"{info}/licenses/{licence}"] = (CRATE / licence).read_bytes()
    files[f"{info}/METADATA"] = metadata(project, version).encode()
    wheel = f"Wheel-Version: 1.0\nGenerator: pack_wheel\nRoot-Is-Purelib: false\nTag: {tag}\n"
    files[f"{info}/WHEEL"] = wheel.encode()
    if points := project.get("entry-points"):
        files[f"{info}/entry_points.txt"] = entry_points(points).encode()
    record = "".join(f"{path},{digest(data)},{len(data)}\n" for path, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()

    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file, data in files.items():
            archive.writestr(file, data)
    print(path)


def metadata(project: dict, version: str) -> str:
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        f"License-Expression: {project['license']}",
        *(f"License-File: {file}" for file in project["license-files"]),
        *(f"Requires-Dist: {one}" for one in project.get("dependencies", [])),
    ]
    for extra, requirements in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {one}; extra == {extra!r}" for one in requirements]
    return "\n".join(lines) + "\n"


def entry_points(points: dict[str, dict[str, str]]) -> str:
    groups = []
    for group, entries in points.items():
        groups.append(f"[{group}]\n" + "".join(f"{name} = {to}\n" for name, to in entries.items()))
    return "\n".join(groups)


def digest(data: bytes) -> str:
    encoded = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
    return f"sha256={encoded.rstrip('=')}"


if __name__ == "__main__":
    main()
