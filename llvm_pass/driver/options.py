"""What a driver must know of clang's command line: one table a question.

Unknown options pass through untouched and in order; the tables name only those
whose meaning changes when one compilation becomes two. Source: clang 22's
`--help-hidden` and its driver's behaviour (a test holds the first table to it).
"""

# Options whose value is the next word (the joined form needs no table).
SEPARATE = frozenset(
    """-o -x -D -U -I -L -T -B -b -A -F -G -l -u -e -z -V -include -imacros -include-pch -isystem -isystem-after
    -iquote -idirafter -iprefix -iwithprefix -iwithprefixbefore -iwithsysroot -isysroot --sysroot -iframework
    -iframeworkwithsysroot -iapinotes-modules -cxx-isystem -stdlib++-isystem -ivfsoverlay -vfsoverlay
    -MF -MT -MQ -MJ -Xlinker -Xassembler -Xclangas -Xpreprocessor -Xclang -Xanalyzer -Xarch_host -Xarch_device
    -Xopenmp-target -Xcuda-fatbinary -Xcuda-ptxas -mllvm -mmlir -mthread-model -meabi -target --target -arch
    -aux-info -dumpbase -dumpdir -specs --param -working-directory -resource-dir -gcc-toolchain --gcc-toolchain
    -serialize-diagnostics --serialize-diagnostics --analyzer-output -rpath --rpath -Ttext -Tdata -Tbss
    -dependency-file -dependency-dot -module-dependency-dir -fmodules-user-build-path -gen-cdb-fragment-path
    -ccc-install-dir -ccc-gcc-name -dsym-dir -darwin-target-variant -darwin-target-variant-triple
    -fexperimental-openacc-macro-override -hlsl-entry -include-directory --include-directory --define-macro
    --undefine-macro --language --output --entry --library-directory --prefix --include --imacros""".split()
)
# ... and those whose name itself carries a word.
SEPARATE_JOINED = ("-Xarch_", "-Xopenmp-target=", "-Xoffload-linker")

# The preprocessor's own: said once, at the first stage.
PREPROCESS_SEPARATE = frozenset(
    """-D -U -I -include -imacros -include-pch -isystem -isystem-after -iquote -idirafter -iprefix -iwithprefix
    -iwithprefixbefore -iwithsysroot -iframework -iframeworkwithsysroot -cxx-isystem -stdlib++-isystem
    -MF -MT -MQ -MJ -Xpreprocessor -ivfsoverlay -vfsoverlay -dependency-file -dependency-dot
    -module-dependency-dir --include-directory -include-directory --define-macro --undefine-macro --include
    --imacros -serialize-diagnostics --serialize-diagnostics -iapinotes-modules""".split()
)
PREPROCESS_JOINED = (
    "-D",
    "-U",
    "-I",
    "-isystem",
    "-iquote",
    "-idirafter",
    "-include",
    "-imacros",
    "-Wp,",
    "-M",
    "--include-directory=",
)
# ... but -mfoo options of the code generator start with a small m.

# Runs of clang that make no code: everything passes through.
PASS_THROUGH = frozenset(
    """-E -M -MM -fsyntax-only --analyze --version --help --help-hidden -help -### --preprocess
    -dumpversion -dumpmachine -emit-ast -rewrite-objc --autocomplete -verify-pch -print-supported-cpus
    --print-supported-cpus -print-enabled-extensions -extract-api --precompile -fmodule-header -emit-interface-stubs
    """.split()
)
PASS_THROUGH_JOINED = ("-print-", "--print-", "--autocomplete=", "-module-file-info", "-fmodule-header=")

# Instrumentation is woven in at the first stage; a second time would count twice.
INSTRUMENTATION = (
    "-fprofile-", "-fno-profile-", "-fcs-profile-", "-fcoverage-", "-ftest-coverage", "--coverage", "-coverage",
    "-fsanitize", "-fno-sanitize",
)  # fmt: skip
FIRST_STAGE_ONLY = (
    "-finstrument-functions", "-fplugin", "-fpass-plugin", "-save-temps", "--save-temps", "-ftime-trace",
    "-fsave-optimization-record", "-foptimization-record", "-H",
)  # fmt: skip
# Exactly these words: said once.
FIRST_STAGE_WORDS = frozenset(
    ["-v", "--verbose", "-ftime-report", "-P", "-C", "-CC", "-nostdinc", "-nostdinc++", "-undef"]
)

# The only warnings that code generation gives, and what it shall not repeat of the driver's.
CODE_WARNINGS = (
    "-Wframe-larger-than",
    "-Wno-frame-larger-than",
    "-Werror=frame-larger-than",
    "-Wa,",
    "-Wbackend-plugin",
)
# LLVM would make a call of libc's strlen out of a loop that counts to a zero, and libc
# cannot use pseudo-pointers. Calls that the source itself makes stay.
FIRST_STAGE_IDIOMS = ("-mllvm", "-disable-loop-idiom-strlen", "-mllvm", "-disable-loop-idiom-wcslen")

SECOND_STAGE_QUIET = ("-Wno-unused-command-line-argument", "-Wno-ignored-optimization-argument", "-Wno-deprecated")

# Link-time optimisation would hand the linker bitcode that was never checked, or
# bitcode that it cannot read. The object is compiled whole instead.
LTO = (
    "-flto",
    "-fwhole-program-vtables",
    "-fembed-bitcode",
    "-fsplit-lto-unit",
    "-ffat-lto-objects",
    "-fthinlto-index=",
)
# The pass has no place for the second file of split debug information.
SPLIT_DWARF = ("-gsplit-dwarf",)
# Instrumented behind the rewrite, where accesses have their checked addresses: then the first
# stage leaves all of LLVM's passes, instrumentation among them, to the second.
LATE_SANITIZERS = ("address", "thread")
FIRST_STAGE_UNTOUCHED = ("-Xclang", "-disable-llvm-passes")
# Their instrumentation reads shadow memory of the pointer before our check sees it, or follows
# values through code that it must know whole.
SHADOW_SANITIZERS = (
    "hwaddress",
    "memory",
    "dataflow",
    "kernel-address",
    "kernel-memory",
    "memtag",
)

LANGUAGES = {
    ".c": "c", ".i": "cpp-output", ".cc": "c++", ".cp": "c++", ".cxx": "c++", ".cpp": "c++", ".CPP": "c++",
    ".c++": "c++", ".C": "c++", ".CC": "c++", ".ii": "c++-cpp-output", ".m": "objective-c",
    ".mi": "objective-c-cpp-output", ".mm": "objective-c++", ".M": "objective-c++",
    ".mii": "objective-c++-cpp-output", ".ll": "ir", ".bc": "ir",
    ".s": "assembler", ".S": "assembler-with-cpp", ".sx": "assembler-with-cpp",
    ".h": "c-header", ".hh": "c++-header", ".hpp": "c++-header", ".hxx": "c++-header", ".H": "c++-header",
    ".cu": "cuda", ".hip": "hip", ".cl": "cl", ".cppm": "c++-module", ".ixx": "c++-module",
}  # fmt: skip
REWRITTEN_LANGUAGES = frozenset(
    """c c++ objective-c objective-c++ cpp-output c++-cpp-output objective-c-cpp-output objective-c++-cpp-output
    ir""".split()
)
ASSEMBLER = frozenset(["assembler", "assembler-with-cpp"])
