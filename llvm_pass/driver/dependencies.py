"""Dependency files (-MD and its kin), said of the object that the user asked for.

The first stage writes bitcode to a place of ours; without these options clang
would name that place as the target and put the file beside it. Source: clang's
own defaults, which a test compares with.
"""

from pathlib import PurePath

from llvm_pass.driver.command_line import CommandLine, Item


def dependency_options(line: CommandLine, source: Item) -> list[str]:
    """What to add to the first stage, so that its dependency file is what clang's would be."""
    plain = line.has("-MD", "-MMD", "--write-dependencies", "--write-user-dependencies")
    through = line.has_prefix(("-Wp,-MD", "-Wp,-MMD"))
    if not plain and not through:
        return []
    added: list[str] = []
    if not line.has_prefix(("-MT", "-MQ")):
        added += ["-MQ", line.output or PurePath(source.name).stem + ".o"]
    if plain and not through and not line.has_prefix(("-MF",)):
        added += ["-MF", _file(line, source)]
    return added


def _file(line: CommandLine, source: Item) -> str:
    if line.output is None:
        return PurePath(source.name).stem + ".d"
    directory, slash, name = line.output.rpartition("/")
    return directory + slash + (name.rpartition(".")[0] if "." in name else name) + ".d"
