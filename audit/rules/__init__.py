"""The rules: one file each, and this one list of them."""

from __future__ import annotations

from audit.rules import (
    e01,
    e02,
    e03,
    e04,
    e05,
    e06,
    e07,
    e08,
    e09,
    e10,
    e11,
    e12,
    i01,
    i02,
    i05,
    i06,
    i08,
    i09,
    i10,
    i15,
    i16,
    s01,
    s02,
    s03,
    s04,
    s05,
    s06,
    s07,
    s08,
    s09,
    s10,
)

RULES = (
    e01.RULE, e02.RULE, e03.RULE, e04.RULE, e05.RULE, e06.RULE, e07.RULE, e08.RULE, e09.RULE, e10.RULE, e11.RULE,
    e12.RULE,
    i01.RULE, i02.RULE, i05.RULE, i06.RULE, i08.RULE, i09.RULE, i10.RULE, i15.RULE, i16.RULE,
    s01.RULE, s02.RULE, s03.RULE, s04.RULE, s05.RULE, s06.RULE, s07.RULE, s08.RULE, s09.RULE, s10.RULE,
)  # fmt: skip
