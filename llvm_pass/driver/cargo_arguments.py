"""The command line of `cargo galeed`, as far as we must understand it.

Invariant: everything that is not ours reaches cargo as it was written, in order.
"""

from dataclasses import dataclass, field

from llvm_pass.driver.errors import DriverError

TRIPLE = "x86_64-unknown-linux-gnu"
COMMANDS = {"build": "build", "b": "build", "run": "run", "r": "run", "test": "test", "t": "test", "bench": "bench"}
PASSED_ON = {"check": "check", "c": "check"}
# Options of cargo whose value may be the next word.
SEPARATE = frozenset(
    """-p --package --exclude -F --features --profile --bin --example --test --bench --target --target-dir
    --manifest-path --message-format --config -Z -C --color -j --jobs --artifact-dir --out-dir
    --lockfile-path""".split()
)
# What `cargo metadata` takes too, so that it resolves what the build resolves.
SHARED_VALUES = frozenset(["-F", "--features", "--manifest-path", "--config", "-Z", "-C", "--lockfile-path"])
SHARED_FLAGS = frozenset(["--all-features", "--no-default-features", "--locked", "--offline", "--frozen"])

HELP = f"""Builds a Rust program with the C and C++ that it calls rewritten, so that C cannot reach Rust's memory.

Usage: cargo galeed build|run|test|bench [OPTIONS] [CARGO'S OPTIONS] [-- ARGUMENTS]
       cargo galeed check [CARGO'S OPTIONS]      nothing is linked: plain cargo

Options:
  --json         a summary of the build as one JSON object on stdout
  --help         this text
  --version      galeed's version

Everything else is cargo's. The build goes to <target>/galeed, or where --target-dir or
CARGO_TARGET_DIR says; programs that passed the check are in <that>/<profile>/. It is always a
build with --target {TRIPLE}, so that C of build scripts and macros,
which runs on the build machine only, is told apart and left alone.

The program needs galeed's allocator:
  Cargo.toml:   [dependencies] galeed = {{ path = "<galeed>/pseudoptr/rust" }}
  src/main.rs:  #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;

Environment:
  GALEED_POLICY    the policy (default: galeed.toml of the workspace, or upward); empty: none
  GALEED_CLANG     the clang 22 to compile with (default: clang-22, clang, ziglang's)
  GALEED_HOST_CC   the compiler for galeed's own runtime (default: cc)
  CARGO            the cargo to call
Exit status: cargo's or the program's own; 2 when the program cannot be isolated or something is missing.
"""


@dataclass
class Arguments:
    """One call of `cargo galeed`."""

    command: str = ""
    options: list[str] = field(default_factory=list)  # cargo's, before `--`
    trailing: list[str] = field(default_factory=list)  # `--` and what follows
    values: dict[str, list[str]] = field(default_factory=dict)  # of options with a value
    flags: set[str] = field(default_factory=set)
    json: bool = False
    information: str | None = None  # "help" or "version": nothing else is done
    passed_on: bool = False

    def last(self, *names: str) -> str | None:
        """The value of an option that is said once."""
        found = [value for name in names for value in self.values.get(name, [])]
        return found[-1] if found else None

    def all(self, *names: str) -> list[str]:
        """The values of an option that may be said often."""
        return [value for name in names for value in self.values.get(name, [])]

    def for_metadata(self) -> list[str]:
        """The options that `cargo metadata` must be told as well."""
        words = sorted(SHARED_FLAGS & self.flags)
        for name in sorted(SHARED_VALUES):
            for value in self.values.get(name, []):
                words += [name, value]
        return words

    def for_build(self) -> list[str]:
        """The options without those that cargo's target handling is told by us."""
        words: list[str] = []
        skip = False
        for word in self.options:
            if skip:
                skip = False
            elif word in ("--target", "--target-dir"):
                skip = True
            elif not word.startswith(("--target=", "--target-dir=")):
                words.append(word)
        return words


def parse(argv: list[str]) -> Arguments:
    """Understands the command line; argv[0] may be "galeed", as cargo passes it.

    Raises: DriverError for what cannot be done.
    """
    words = argv[1:] if argv[:1] == ["galeed"] else list(argv)
    result = Arguments()
    while words:
        word = words.pop(0)
        if word == "--":
            result.trailing = [word, *words]
            break
        if word == "--json":
            result.json = True
        elif word in ("--help", "-h") or (word in ("--version", "-V") and not result.command):
            result.information = "help" if word in ("--help", "-h") else "version"
        elif not result.command and not word.startswith("-"):
            _choose(result, word)
        else:
            result.options.append(word)
            name, equals, value = word.partition("=")
            if word in SEPARATE and words:
                value = words.pop(0)
                result.options.append(value)
                result.values.setdefault(word, []).append(value)
            elif equals and name in SEPARATE:
                result.values.setdefault(name, []).append(value)
            elif word[:2] in ("-p", "-F", "-Z", "-j") and not word.startswith("--") and len(word) > 2:
                result.values.setdefault(word[:2], []).append(word[2:])
            elif word.startswith("-"):
                result.flags.add(word)
    if result.information is None:
        _refuse_unusable(result)
    return result


def _choose(result: Arguments, word: str) -> None:
    if word in PASSED_ON:
        result.command, result.passed_on = PASSED_ON[word], True
    elif word in COMMANDS:
        result.command = COMMANDS[word]
    else:
        raise DriverError(f"{word}: unknown command; there are build, run, test, bench and check (see --help)")


def _refuse_unusable(result: Arguments) -> None:
    if not result.command:
        raise DriverError("say what to do: cargo galeed build, run, test, bench or check (see --help)")
    target = result.last("--target")
    if target not in (None, TRIPLE) and not result.passed_on:
        raise DriverError(f"--target {target}: only {TRIPLE} is supported")
    if "--target-dir" in result.flags or result.last("--target-dir") == "":
        raise DriverError("--target-dir: needs a value, the directory to build in")
    if "--message-format" in result.values and not result.passed_on:
        raise DriverError("--message-format: cargo's messages are read by us; --json gives a summary")
