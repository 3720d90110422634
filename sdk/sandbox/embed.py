"""Writes files as a C array of struct embedded_file (embedded.h).

embed.py ARRAY OUTPUT.c DEPFILE INPUT...   a directory stands for the files directly in it;
a .json file is embedded without white space and without its human-readable descriptions.
"""

import json
import os
import sys

PROSE = ("description", "href", "changelog")


def strip(value):
    if isinstance(value, dict):
        return {k: strip(v) for k, v in value.items() if k not in PROSE}
    if isinstance(value, list):
        return [strip(v) for v in value]
    return value


def content(path):
    if not path.endswith(".json"):
        with open(path, "rb") as file:
            return file.read()
    with open(path, encoding="utf-8") as file:
        return json.dumps(strip(json.load(file)), separators=(",", ":")).encode()


def expand(paths):
    for path in paths:
        if os.path.isdir(path):
            yield from (os.path.join(path, name) for name in sorted(os.listdir(path)) if name[0] != ".")
        elif os.path.exists(path):
            yield path


def main(array, output, depfile, *inputs):
    files = [path for path in expand(inputs) if os.path.isfile(path)]
    with open(output, "w", encoding="utf-8") as out:
        out.write('#include "sdk/sandbox/embedded.h"\n\n')
        for number, path in enumerate(files):
            data = content(path) or b"\n"
            out.write(f"static const unsigned char file_{number}[] = {{\n")
            for start in range(0, len(data), 32):
                out.write(",".join(map(str, data[start:start + 32])) + ",\n")
            out.write("};\n\n")
        out.write(f"const struct embedded_file {array}[] = {{\n")
        for number, path in enumerate(files):
            name = json.dumps(os.path.basename(path))
            out.write(f"    {{{name}, file_{number}, sizeof file_{number}}},\n")
        out.write("    {0},\n};\n")
    existing = [path for path in (*inputs, *files) if os.path.exists(path)]
    with open(depfile, "w", encoding="utf-8") as out:
        out.write(f"{output}: {' '.join(existing)}\n")


main(*sys.argv[1:])
