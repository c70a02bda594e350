"""Audits one unit, in this process, and leaves its report and measures: `python -m audit.corpus.one JOB.json`.

A job: {"word", "features", "build", "jobs", "report", "measures"}; the last two are files to be written.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

from audit.errors import AuditError
from audit.files import write_whole
from audit.inputs import Choices, prepare, read
from audit.report import data
from audit.run import findings


def main() -> int:
    """Exit code: 0 audited, 2 the unit cannot be read (one line on stderr)."""
    job = json.loads(Path(sys.argv[1]).read_bytes())
    word, choices = job["word"], Choices(job["build"], tuple(job["features"]), job["jobs"])
    start = time.monotonic()
    try:
        inputs = prepare([word], _silent, choices)
        built = time.monotonic()
        subject = read(inputs, [], _silent, choices.jobs)
    except AuditError as error:
        print(error, file=sys.stderr)
        return 2
    found = findings(subject)
    counts = Counter((each.rule, each.confidence.name.lower()) for each in found)
    measures = {
        "build_seconds": round(built - start, 3),
        "audit_seconds": round(time.monotonic() - built, 3),
        "findings": [[rule, confidence, number] for (rule, confidence), number in sorted(counts.items())],
        "notes": list(subject.notes[:_MOST_NOTES]),
        "unread": subject.unread,
        "c_modules": sum(len(script) for each in inputs if each.built for script in each.built.c),
    }
    write_whole(Path(job["report"]), data.render(found, 0, subject.notes) + "\n")
    write_whole(Path(job["measures"]), json.dumps(measures))
    return 0


_MOST_NOTES = 20


def _silent(line: str) -> None:
    """Progress is the corpus's."""


if __name__ == "__main__":
    sys.exit(main())
