"""Every experiment, once."""

from experiments.attacks.experiment import EXPERIMENT as ATTACKS
from experiments.audit.experiment import EXPERIMENT as AUDIT
from experiments.bench.experiment import EXPERIMENT as BENCH
from experiments.crates.experiment import EXPERIMENT as CRATES
from experiments.csmith.experiment import EXPERIMENT as CSMITH
from experiments.demo.experiment import EXPERIMENT as DEMO
from experiments.gates.experiment import EXPERIMENT as GATES
from experiments.heap.experiment import EXPERIMENT as HEAP
from experiments.libmpk.experiment import EXPERIMENT as LIBMPK
from experiments.libraries.experiment import EXPERIMENT as LIBRARIES
from experiments.micro.experiment import EXPERIMENT as MICRO
from experiments.servers.experiment import EXPERIMENT as SERVERS
from experiments.suites.experiment import EXPERIMENT as SUITES

EXPERIMENTS = (DEMO, ATTACKS, MICRO, BENCH, GATES, HEAP, LIBMPK, CSMITH, LIBRARIES, SUITES, CRATES, SERVERS, AUDIT)
