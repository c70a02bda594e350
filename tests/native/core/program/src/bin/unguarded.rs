//! Uses the runtime, but allocates elsewhere: must not hold `mpk_host_alloc`.

fn main() {
    println!("{:?}", galeed_mpk::probe().map(|probe| probe.backend));
}
