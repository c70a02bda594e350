"""The libraries: where their sources lie, what is compiled of them and how. One explicit table.

Flags are those of the crates' own build scripts where they decide what the library is;
the level of optimisation is the experiment's. Of libraries with assembler for some of
their code (zstd) or with code for other processors, all compilers get the C.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Recipe:
    """One library.

    crate: as sources/Cargo.lock pins it. folder: within the crate. sources: globs in that
    folder, less `without`. includes: folders there. generated: headers to make, by the file
    that is copied. needs: libraries whose headers and objects it uses. driver: its host
    program in drivers/. structures: those that hosts make themselves, by its manual: what they
    write under that key of galeed.toml.
    """

    name: str
    crate: str
    folder: str
    sources: tuple[str, ...]
    without: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    includes: tuple[str, ...] = (".",)
    generated: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    structures: tuple[str, ...] = ()

    @property
    def driver(self) -> str:
        """The file's name."""
        return f"{self.name}.c"


LIBRARIES = (
    Recipe(
        "zlib",
        "libz-sys",
        "src/zlib",
        ("*.c",),
        flags=("-D_LARGEFILE64_SOURCE", "-D_POSIX_SOURCE", "-DHAVE_UNISTD_H"),
        structures=("z_stream_s", "gz_header_s"),
    ),
    Recipe("lz4", "lz4-sys", "liblz4/lib", ("lz4.c", "lz4frame.c", "lz4hc.c", "xxhash.c")),
    Recipe(
        "bzip2",
        "bzip2-sys",
        "bzip2-1.0.8",
        ("blocksort.c", "huffman.c", "crctable.c", "randtable.c", "compress.c", "decompress.c", "bzlib.c"),
        flags=("-D_FILE_OFFSET_BITS=64", "-DBZ_NO_STDIO"),
    ),
    Recipe(
        "zstd",
        "zstd-sys",
        "zstd/lib",
        ("common/*.c", "compress/*.c", "decompress/*.c"),
        flags=("-DZSTD_DISABLE_ASM",),
        includes=(".", "common"),
        structures=("ZSTD_inBuffer_s", "ZSTD_outBuffer_s"),
    ),
    Recipe(
        "sqlite",
        "libsqlite3-sys",
        "sqlite3",
        ("sqlite3.c",),
        flags=(
            *("-DSQLITE_CORE", "-DSQLITE_DEFAULT_FOREIGN_KEYS=1", "-DSQLITE_ENABLE_API_ARMOR"),
            *("-DSQLITE_ENABLE_COLUMN_METADATA", "-DSQLITE_ENABLE_DBSTAT_VTAB", "-DSQLITE_ENABLE_FTS3"),
            *("-DSQLITE_ENABLE_FTS3_PARENTHESIS", "-DSQLITE_ENABLE_FTS5", "-DSQLITE_ENABLE_LOAD_EXTENSION=1"),
            *("-DSQLITE_ENABLE_RTREE", "-DSQLITE_ENABLE_STAT4", "-DSQLITE_SOUNDEX", "-DSQLITE_THREADSAFE=1"),
            *("-DSQLITE_USE_URI", "-DHAVE_USLEEP=1", "-DHAVE_ISNAN", "-DHAVE_LOCALTIME_R"),
        ),
        structures=(
            *("sqlite3_vfs", "sqlite3_file", "sqlite3_io_methods", "sqlite3_m*_methods", "sqlite3_pcache*"),
            *("sqlite3_module", "sqlite3_vtab*", "sqlite3_index_*", "sqlite3_rtree_*", "fts5_*", "Fts5ExtensionApi"),
        ),
    ),
    Recipe(
        "lua",
        "lua-src",
        "lua-5.4.9",
        ("*.c",),
        without=("lua.c", "luac.c"),
        flags=("-DLUA_USE_POSIX",),
        structures=("lua_Debug", "luaL_Buffer", "luaL_Reg", "luaL_Stream"),
    ),
    Recipe(
        "png",
        "libpng-sys",
        "vendor",
        ("png*.c",),
        without=("pngtest.c", "pngsimd.c"),
        generated={"pnglibconf.h": "scripts/pnglibconf.h.prebuilt"},
        needs=("zlib",),
        structures=(
            *("z_stream_s", "png_color*_struct", "png_text_struct", "png_time_struct", "png_row_info_struct"),
            *("png_sPLT*", "png_unknown_chunk_t"),
        ),
    ),
)


def recipe(name: str) -> Recipe:
    """By name. Raises KeyError."""
    return {one.name: one for one in LIBRARIES}[name]
